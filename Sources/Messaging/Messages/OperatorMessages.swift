import Episodes
import RecapAlgorithm

// What the person in charge says to a run's coordinator. Only endpoints that ask for no key answer these.

/// Who is here, and how far each is?
public struct StatusRequest: Request {
  public static let type = "operator.status"
  public typealias Reply = CoordinatorStatus
  public init() {}
}

/// Lets a worker take no further job, or take jobs again. A paused collector finishes its episode.
public struct PauseRequest: Request {
  public static let type = "operator.pause"
  public typealias Reply = Acknowledgement
  public var worker: String
  public var paused: Bool
  /// Who wants it, for the record.
  public var person: String
  public init(worker: String, paused: Bool, person: String) {
    self.worker = worker
    self.paused = paused
    self.person = person
  }
}

/// Lets a worker in under a key. The same invitation again changes nothing.
public struct InviteRequest: Request {
  public static let type = "operator.invite"
  public typealias Reply = Acknowledgement
  public var invitation: Invitation
  public var person: String
  public init(invitation: Invitation, person: String) {
    self.invitation = invitation
    self.person = person
  }
}

/// Lets a worker in no more, at once.
public struct RemoveRequest: Request {
  public static let type = "operator.remove"
  public typealias Reply = Acknowledgement
  public var worker: String
  public var person: String
  public init(worker: String, person: String) {
    self.worker = worker
    self.person = person
  }
}

/// Takes a person's word on how a stored episode ended.
public struct JudgeRequest: Request {
  public static let type = "operator.judge"
  /// The episode's id.
  public var episode: String
  public var opinion: Opinion
  /// Who says so.
  public var rater: String
  public init(episode: String, opinion: Opinion, rater: String) {
    self.episode = episode
    self.opinion = opinion
    self.rater = rater
  }

  public struct Reply: Codable, Sendable {
    /// The outcome that counts now.
    public var verdict: Outcome
    public init(verdict: Outcome) { self.verdict = verdict }
  }
}
