import Messaging

/// How long a driver's answers may take.
public struct DriverPatience: Sendable {
  /// From connecting to the driver's first answer.
  public var start: Duration
  /// How long the first answer is awaited in silence, before somebody is told of the wait.
  public var notice: Duration
  /// For `begin`: people may have to put the scene in order.
  public var reset: Duration
  /// For `execute`, beyond the time that the steps take at the control rate.
  public var answer: Duration
  /// How long an answer is awaited before the request is repeated.
  public var repeating: Duration

  public init(
    start: Duration = .seconds(60), notice: Duration = .seconds(2), reset: Duration = .seconds(300),
    answer: Duration = .seconds(60), repeating: Duration = .seconds(10)
  ) {
    self.start = start
    self.notice = notice
    self.reset = reset
    self.answer = answer
    self.repeating = repeating
  }
}

/// Requests to a driver, repeated until they are answered.
struct DriverLink: Sendable {
  let client: any RequestClient
  let process: DriverProcess?
  let patience: DriverPatience

  /// Asks until there is an answer, the time is over or the driver's process has ended.
  ///
  /// A repeated request moves no robot: the driver knows it by its episode and turn.
  func ask<R: Request>(
    _ request: R, frames: [Frame] = [], within limit: Duration
  ) async throws -> Envelope<R.Reply> {
    guard let process else { return try await repeated(request, frames, within: limit) }
    return try await withThrowingTaskGroup(of: Envelope<R.Reply>.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await repeated(request, frames, within: limit) }
      group.addTask { throw await process.end() }
      guard let answer = try await group.next() else { throw CancellationError() }
      return answer
    }
  }

  private func repeated<R: Request>(
    _ request: R, _ frames: [Frame], within limit: Duration
  ) async throws -> Envelope<R.Reply> {
    var left = limit
    while true {
      let attempt = min(left, patience.repeating)
      do {
        return try await client.send(request, frames: frames, timeout: attempt)
      } catch RequestError.timeout {
        left -= attempt
        guard left > .zero else {
          throw RequestError.timeout(type: R.type, seconds: limit / .seconds(1))
        }
      }
    }
  }
}
