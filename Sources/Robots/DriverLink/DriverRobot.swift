import Episodes
import Messaging

/// A robot behind the driver link: a process in any language that speaks the driver protocol.
public actor DriverRobot: Robot {
  public nonisolated let embodiment: Embodiment
  public nonisolated let tasks: [TaskDescription]
  public nonisolated let holds: Bool
  private let link: DriverLink
  private var episode: RunningEpisode?
  /// The episode while a request of it is under way, and after one that has failed: it is lost then, but the driver may
  /// still be told to hold.
  private var unsettled: RunningEpisode?

  private struct RunningEpisode {
    let id: String
    let supervision: Supervision
    let reply: DriverReply
    var turn = 0
    var personInControl: Bool
  }

  /// Reaches a driver, waiting until it has started.
  ///
  /// - Parameters:
  ///   - client: A connection to the driver's endpoint.
  ///   - process: The driver's process, where this side started it: its end is then noticed at once
  ///     and told with its last words.
  ///   - patience: How long answers may take.
  ///   - driver: What messages call it, such as "the driver of 'arm' at ipc:///tmp/arm".
  ///   - notify: Told in words when the first answer takes long.
  /// - Throws: `DriverError.invalidDescription` for a robot that cannot be, `DriverError.silent`
  ///   when nobody answers, `DriverError.ended` when the driver's process ends.
  public static func connect(
    client: any RequestClient, process: DriverProcess? = nil,
    patience: DriverPatience = DriverPatience(), called driver: String = "the driver",
    notify: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> DriverRobot {
    let link = DriverLink(client: client, process: process, patience: patience)
    let waiting = Task {
      try await Task.sleep(for: patience.notice)
      notify("waiting for \(driver)")
    }
    defer { waiting.cancel() }
    let description: DriverDescription
    do {
      description = try await link.ask(DriverDescribe(), within: patience.start).body
    } catch RequestError.timeout(_, let seconds) {
      throw DriverError.silent(driver: driver, seconds: seconds, log: process?.log.path)
    }
    try description.validate()
    return DriverRobot(description, link)
  }

  private init(_ description: DriverDescription, _ link: DriverLink) {
    embodiment = description.embodiment
    tasks = description.tasks
    holds = description.holds ?? false
    self.link = link
  }

  /// Resets the scene and starts an episode; one that was running is over.
  ///
  /// - Throws: `DriverError`, or `RequestError` when the driver refuses or is silent.
  public func begin(
    task name: String, seed: UInt64, supervision: Supervision
  ) async throws -> RobotTurn {
    guard let task = tasks.first(where: { $0.name == name }) else {
      throw DriverError.invalidRequest(
        "the driver does not offer the task '\(name)'; it offers "
          + tasks.map(\.name).joined(separator: ", "))
    }
    (episode, unsettled) = (nil, nil)
    let request = DriverBegin(
      // Unlike any before, also of other collectors: a driver takes a known name for a repetition.
      episode: String(UInt64.random(in: 0 ... .max), radix: 36), task: name, seed: seed,
      supervision: supervision)
    let reader = DriverReply(embodiment: embodiment, task: task, supervision: supervision)
    let answer = try await link.ask(request, within: link.patience.reset)
    let turn = try reader.turn(answer, atMost: 0)
    if turn.outcome == nil {
      episode = RunningEpisode(
        id: request.episode, supervision: supervision, reply: reader,
        personInControl: turn.personInControl)
    }
    return turn
  }

  /// Executes up to `chunk.count` actions.
  ///
  /// After an error of the driver or the connection the episode is lost; begin another.
  ///
  /// - Throws: `DriverError`, or `RequestError` when the driver refuses or is silent.
  public func execute(_ chunk: ActionChunk?, steps: Int) async throws -> RobotTurn {
    guard var episode else {
      throw DriverError.invalidRequest("no episode is running: begin one")
    }
    guard steps > 0 else {
      throw DriverError.invalidRequest("steps: expected at least 1, got \(steps)")
    }
    let frames = try chunk.map { [try frame(of: $0)] } ?? []
    guard chunk != nil || episode.personInControl else {
      throw DriverError.invalidRequest("it is the policy's turn: a chunk is needed")
    }
    // Until the answer is understood nobody knows where the robot is.
    self.episode = nil
    episode.turn += 1
    unsettled = episode
    let request = DriverExecute(episode: episode.id, turn: episode.turn, steps: steps)
    let moving = Duration.seconds(Double(steps) / embodiment.controlRate)
    let answer = try await link.ask(request, frames: frames, within: link.patience.answer + moving)
    let turn = try episode.reply.turn(answer, atMost: steps)
    if turn.steps.isEmpty, turn.outcome == nil, turn.personInControl == episode.personInControl {
      throw DriverError.invalidReply("it executed nothing, and nothing changed")
    }
    episode.personInControl = turn.personInControl
    unsettled = nil
    if turn.outcome == nil { self.episode = episode }
    return turn
  }

  /// Tells the driver to hold the robot where it is; also after an execution that failed or was cancelled, though the
  /// episode stays lost.
  ///
  /// - Throws: As `execute`; the episode is lost then too.
  public func hold() async throws -> RobotTurn {
    let goesOn = self.episode != nil
    guard var episode = self.episode ?? unsettled else {
      throw DriverError.invalidRequest("no episode is running: begin one")
    }
    self.episode = nil
    episode.turn += 1
    unsettled = episode
    let request = DriverHold(episode: episode.id, turn: episode.turn)
    let answer = try await link.ask(request, within: link.patience.answer)
    let turn = try episode.reply.turn(answer, atMost: 0)
    episode.personInControl = turn.personInControl
    unsettled = nil
    if turn.outcome == nil, goesOn { self.episode = episode }
    return turn
  }

  private func frame(of chunk: ActionChunk) throws -> Frame {
    guard chunk.width == embodiment.actionWidth else {
      throw DriverError.invalidRequest(
        "action: the robot takes \(embodiment.actionWidth) values, the chunk has \(chunk.width)")
    }
    guard chunk.count > 0 else {
      throw DriverError.invalidRequest("action: the chunk is empty")
    }
    if let bad = chunk.values.firstIndex(where: { !$0.isFinite }) {
      throw DriverError.invalidRequest(
        "action: value \(bad % chunk.width) of action \(bad / chunk.width) is \(chunk.values[bad])")
    }
    return Frame(name: "action", shape: [chunk.count, chunk.width], floats: chunk.values)
  }
}
