import Episodes

/// What robots' programs are told.
extension OpenPIRobot {
  static func isOver(_ reason: String) -> String {
    "the episode is over: \(reason). Put the scene in order and begin the next with "
      + #"{"endpoint": "reset"}, or with "reset": true in its first observation"#
  }

  static func anotherTask(wanted: TaskDescription, came: TaskDescription) -> String {
    "prompt: the run asks for '\(wanted.instruction)' (\(wanted.name)) now, came "
      + "'\(came.instruction)'; a robot that does one task alone joins with --tasks"
  }
}
