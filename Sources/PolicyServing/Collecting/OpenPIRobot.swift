import Episodes
import Robots

/// A robot whose program speaks openpi's protocol, as a collector's robot.
///
/// The program asks for an action at every control step and gets one, of the chunk that the collector's
/// policy wants executed; the collector is asked for the next chunk when that one is used up. So every
/// step that is recorded has the observation that came before it. The program says when an episode is
/// over and how it ended: see `CollectingMessage`.
public actor OpenPIRobot: Robot {
  typealias ClientID = Int

  /// What happens to an episode of which the robot's program has not said how it ended.
  public enum WithoutVerdict: String, Sendable, CaseIterable {
    /// It is recorded, and waits for somebody to judge it.
    case unjudged
    /// It is not recorded, and attempted again.
    case discard
    /// It has failed.
    case failure
  }

  /// How long it is waited, and what for.
  public struct Settings: Sendable {
    public var withoutVerdict: WithoutVerdict
    /// For a robot's program to come, before others get the work.
    public var arrival: Duration
    /// For the next step of an episode, before it is given up.
    public var silence: Duration

    public init(
      withoutVerdict: WithoutVerdict = .unjudged, arrival: Duration = .seconds(30),
      silence: Duration = .seconds(60)
    ) {
      self.withoutVerdict = withoutVerdict
      self.arrival = arrival
      self.silence = silence
    }
  }

  /// What a client hears.
  enum Reply: Sendable {
    /// One action, of the step with this number in an episode of this task.
    case action([Float], step: Int, of: TaskDescription)
    /// An acknowledgement.
    case status(String)
    /// Why there is no action.
    case refusal(String)
  }

  /// What is due from a client.
  private enum Standing {
    /// Its next observation begins an episode.
    case fresh
    /// Its episode is over, which it may not know yet: it has to say that it begins another.
    case over(String)
  }

  /// A client that wants to begin an episode.
  private struct Candidate {
    var client: ClientID
    var sensed: SensedObservation
    var reply: CheckedContinuation<Reply, any Error>
  }

  /// An episode that the collector waits for.
  private struct Wanted {
    var id: Int
    var task: TaskDescription
    var turn: CheckedContinuation<RobotTurn, any Error>
  }

  public nonisolated let embodiment: Embodiment
  public nonisolated let tasks: [TaskDescription]
  nonisolated let interpreter: CollectingInterpreter
  nonisolated let notify: @Sendable (String) -> Void
  private let settings: Settings
  private let clock: any Clock<Duration>

  private var lastClient = 0
  private var standings: [ClientID: Standing] = [:]
  /// In the order of their coming.
  private var candidates: [Candidate] = []
  private var wanted: Wanted?
  private var lastWanted = 0
  private var episode: ClientEpisode?
  /// Of the episode's client, while the policy decides.
  private var reply: CheckedContinuation<Reply, any Error>?
  /// Of the collector, while the client executes.
  private var turn: CheckedContinuation<RobotTurn, any Error>?
  /// Why the last episode was given up.
  private var loss = "it has not begun"
  /// Rings when what is waited for takes too long.
  private var alarm: Task<Void, Never>?

  /// - Parameters:
  ///   - mapping: Of the robot's observations, all columns that episodes are to have.
  ///   - tasks: Those that it practises; at least one.
  ///   - clock: Measures waiting.
  ///   - notify: Told in words what a person may want to know.
  /// - Throws: `ServingError` without tasks.
  public init(
    embodiment: Embodiment, tasks: [TaskDescription], mapping: ObservationMapping,
    settings: Settings = Settings(), clock: any Clock<Duration> = ContinuousClock(),
    notify: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(ServingError) {
    guard !tasks.isEmpty else { throw ServingError("a robot needs at least one task") }
    self.embodiment = embodiment
    self.tasks = tasks
    self.settings = settings
    self.clock = clock
    self.notify = notify
    interpreter = CollectingInterpreter(
      serving: try ServingInterpreter(
        mapping: mapping, tasks: tasks, defaultTask: nil, indicator: .positive))
  }

  // MARK: For the collector

  /// Waits for a robot's program that begins an episode.
  ///
  /// - Parameter seed: Without effect: the robot starts where it is.
  /// - Throws: `RobotAbsence.nobodyCame`, `ServingError` for what this robot cannot do,
  ///   `CancellationError`.
  public func begin(
    task name: String, seed: UInt64, supervision: Supervision
  ) async throws -> RobotTurn {
    guard let task = tasks.first(where: { $0.name == name }) else {
      throw ServingError(
        "the robot does not practise '\(name)'; it practises "
          + tasks.map(\.name).joined(separator: ", "))
    }
    guard supervision != .demonstration else {
      throw ServingError(
        "a robot that speaks openpi does what a policy says: '\(name)' must be demonstrated by a "
          + "driver, or by demonstrations that are imported")
    }
    abandon("the collector began another episode")
    lastWanted += 1
    let id = lastWanted
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { turn in
        wanted = Wanted(id: id, task: task, turn: turn)
        ring(after: settings.arrival) { await $0.noticeThatNobodyCame() }
        match()
      }
    } onCancel: {
      Task { await stopWanting(id, CancellationError()) }
    }
  }

  /// Has the robot's program execute the first `steps` actions of a chunk, one at a time.
  ///
  /// - Throws: `RobotAbsence.abandoned` when the episode does not come to its end, `ServingError` for
  ///   actions that are none.
  public func execute(_ chunk: ActionChunk?, steps: Int) async throws -> RobotTurn {
    guard var episode, let reply else { throw RobotAbsence.abandoned(loss) }
    guard let chunk, chunk.width == embodiment.actionWidth, chunk.values.allSatisfy(\.isFinite)
    else {
      throw ServingError(
        "action: expected finite numbers [steps, \(embodiment.actionWidth)], came "
          + (chunk.map { "[\($0.count), \($0.width)], or some that are not finite" } ?? "nothing"))
    }
    episode.follow((0..<min(steps, chunk.count)).map { Array(chunk[$0]) })
    guard let action = episode.nextAction() else {
      throw ServingError("steps: expected at least 1, came \(steps)")
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { turn in
        self.turn = turn
        self.episode = episode
        self.reply = nil
        awaitNextStep()
        reply.resume(returning: .action(action, step: episode.count - 1, of: episode.task))
      }
    } onCancel: {
      Task { await abandon("the collector stops") }
    }
  }

  // MARK: For its clients

  /// A name for a client. Its first observation begins an episode.
  func join() -> ClientID {
    lastClient += 1
    standings[lastClient] = .fresh
    return lastClient
  }

  /// Forgets a client, with its episode.
  func leave(_ client: ClientID) {
    standings[client] = nil
    for gone in candidates where gone.client == client {
      gone.reply.resume(throwing: CancellationError())
    }
    candidates.removeAll { $0.client == client }
    guard let episode, episode.client == client else { return }
    giveUp("the robot's program left after \(episode.count) steps of \(episode.task.name)")
  }

  /// Answers a client; one message at a time for each.
  ///
  /// - Throws: `CancellationError`.
  func answer(_ message: CollectingMessage, from client: ClientID) async throws -> Reply {
    switch message {
    case .reset(let verdict):
      end(client, verdict)
      return .status("reset successful")
    case .observation(let sensed) where sensed.isFirst:
      end(client, sensed.verdict)
      return try await arrive(sensed, client)
    case .observation(let sensed):
      if var episode, episode.client == client {
        return try await proceed(&episode, sensed)
      }
      if case .over(let reason)? = standings[client], sensed.verdict == nil {
        return .refusal(Self.isOver(reason))
      }
      guard sensed.verdict == nil else {
        standings[client] = .fresh
        return .status("no episode is under way")
      }
      return try await arrive(sensed, client)
    }
  }

  /// Waits with a client that wants to begin an episode until the collector wants one.
  private func arrive(_ sensed: SensedObservation, _ client: ClientID) async throws -> Reply {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { reply in
        candidates.append(Candidate(client: client, sensed: sensed, reply: reply))
        match()
      }
    } onCancel: {
      Task { await leave(client) }
    }
  }

  /// Goes on with an episode whose client has executed what it was served.
  private func proceed(
    _ episode: inout ClientEpisode, _ sensed: SensedObservation
  ) async throws -> Reply {
    if let task = sensed.task, task != episode.task {
      return .refusal(Self.anotherTask(wanted: episode.task, came: task))
    }
    let client = episode.client
    episode.sense(sensed.observation)
    self.episode = episode
    if let verdict = sensed.verdict {
      conclude(verdict)
      standings[client] = .fresh
      return .status("the episode is over")
    }
    if episode.isAtLimit {
      conclude()
      return .refusal(Self.isOver("its time limit is \(episode.task.maximumSteps) steps"))
    }
    if let action = episode.nextAction() {
      self.episode = episode
      awaitNextStep()
      return .action(action, step: episode.count - 1, of: episode.task)
    }
    alarm?.cancel()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { reply in
        self.reply = reply
        let executed = episode.turn()
        self.episode = episode
        turn?.resume(returning: executed)
        turn = nil
      }
    } onCancel: {
      Task { await leave(client) }
    }
  }

  // MARK: Beginnings and ends

  /// Brings the collector that wants an episode and a client that begins one together.
  private func match() {
    while let wanted, !candidates.isEmpty {
      let candidate = candidates.removeFirst()
      if let task = candidate.sensed.task, task != wanted.task {
        candidate.reply.resume(
          returning: .refusal(Self.anotherTask(wanted: wanted.task, came: task)))
        continue
      }
      let begun = ClientEpisode(
        client: candidate.client, task: wanted.task, observation: candidate.sensed.observation)
      episode = begun
      reply = candidate.reply
      self.wanted = nil
      alarm?.cancel()
      wanted.turn.resume(
        returning: RobotTurn(observation: begun.observation, personInControl: false))
    }
  }

  /// A client says that the episode under way, if it has one, is over.
  private func end(_ client: ClientID, _ verdict: Outcome?) {
    if let episode, episode.client == client {
      if let verdict {
        conclude(verdict)
      } else if !episode.isAtLimit, let outcome = outcomeWithoutVerdict {
        conclude(outcome, reason: "no verdict")
      } else {
        giveUp(
          "the robot's program ended an episode of \(episode.task.name) after \(episode.count) steps "
            + "and did not say how it ended")
      }
    }
    standings[client] = .fresh
  }

  /// How an episode counts that came to its end, but of which nobody has said how; nil where it is not
  /// recorded.
  private var outcomeWithoutVerdict: Outcome? {
    switch settings.withoutVerdict {
    case .unjudged: .unjudged
    case .discard: nil
    case .failure: .failure
    }
  }

  /// Hands the collector an episode's last steps; without an outcome they end at the time limit.
  private func conclude(_ outcome: Outcome? = nil, reason: String? = nil) {
    guard var ended = episode, let turn else { return abandon("it ended before its first step") }
    alarm?.cancel()
    episode = nil
    self.turn = nil
    standings[ended.client] = .over("its time limit is \(ended.task.maximumSteps) steps")
    turn.resume(returning: ended.turn(outcome, reason: reason))
  }

  /// Ends an episode about which nobody will say anything more.
  private func giveUp(_ reason: String) {
    if let episode, episode.isAtLimit { return conclude() }
    notify("\(reason): it is not recorded")
    abandon(reason)
  }

  /// Drops the episode under way, if any.
  private func abandon(_ reason: String) {
    guard let episode else { return }
    alarm?.cancel()
    self.episode = nil
    loss = reason
    if standings[episode.client] != nil { standings[episode.client] = .over(reason) }
    reply?.resume(returning: .refusal(Self.isOver(reason)))
    reply = nil
    turn?.resume(throwing: RobotAbsence.abandoned(reason))
    turn = nil
  }

  private func stopWanting(_ id: Int, _ error: any Error) {
    guard let wanted, wanted.id == id else { return }
    alarm?.cancel()
    self.wanted = nil
    wanted.turn.resume(throwing: error)
  }

  // MARK: Waiting

  private func awaitNextStep() {
    ring(after: settings.silence) { await $0.noticeSilence() }
  }

  private func ring(
    after time: Duration, _ notice: @escaping @Sendable (OpenPIRobot) async -> Void
  ) {
    alarm?.cancel()
    let clock = clock
    alarm = Task { [weak self] in
      try? await clock.sleep(for: time)
      if !Task.isCancelled, let self { await notice(self) }
    }
  }

  private func noticeThatNobodyCame() {
    guard let wanted, !Task.isCancelled else { return }
    stopWanting(
      wanted.id,
      RobotAbsence.nobodyCame(
        "no robot's program has begun an episode within \(settings.arrival)"))
  }

  private func noticeSilence() {
    guard let episode, turn != nil, !Task.isCancelled else { return }
    giveUp(
      "the robot's program was silent for \(settings.silence) after \(episode.count) steps of "
        + episode.task.name)
  }
}
