/// Why a robot has given no episode, through no fault of the job or of the robot: nothing is wrong that
/// a person would have to mend, so neither counts as a failed attempt.
public enum RobotAbsence: Error, Hashable, CustomStringConvertible {
  /// The episode under way was given up and is worth nothing. The collector attempts it again.
  case abandoned(String)
  /// No robot came for a while. The collector gives its job back, so that others can have it.
  case nobodyCame(String)

  public var description: String {
    switch self {
    case .abandoned(let reason): "the episode was given up: \(reason)"
    case .nobodyCame(let reason): reason
    }
  }
}
