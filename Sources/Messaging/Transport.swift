/// A typed message's body with the raw frames beside it.
public struct Envelope<Body: Sendable>: Sendable {
  public var body: Body
  public var frames: [Frame]
  @inlinable
  public init(_ body: Body, frames: [Frame] = []) {
    self.body = body
    self.frames = frames
  }
}

/// The asking side of a connection.
///
/// A transport may send a request again after a broken connection, never after a time-out: then
/// callers retry, since every request is idempotent.
public protocol RequestClient: Sendable {
  /// Sends a request and waits for its reply.
  ///
  /// - Throws: `RequestError.timeout` when no reply came in time, `.refused` with the other side's
  ///   words when it answered with an error, `CancellationError` when the task was cancelled.
  func send<R: Request>(_ request: R, frames: [Frame], timeout: Duration) async throws
    -> Envelope<R.Reply>
  /// Closes the connection; waiting requests throw `RequestError.closed`.
  func close() async
}

extension RequestClient {
  public func send<R: Request>(_ request: R, timeout: Duration = .seconds(30)) async throws
    -> R.Reply
  {
    try await send(request, frames: [], timeout: timeout).body
  }
}

/// The answering side: runs until cancelled, calling `router` for every request, many at once up to
/// a bound.
public protocol RequestServer: Sendable {
  func serve(_ router: RequestRouter) async throws
}

/// Several servers that answer as one.
public struct JointServer: RequestServer {
  private let parts: [any RequestServer]

  public init(_ parts: [any RequestServer]) { self.parts = parts }

  public func serve(_ router: RequestRouter) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      for part in parts { group.addTask { try await part.serve(router) } }
      // A server that ends has been closed, or the task is cancelled.
      try await group.next()
    }
  }
}

/// Why a request has no reply.
public enum RequestError: Error, Equatable, CustomStringConvertible {
  case timeout(type: String, seconds: Double)
  case refused(type: String, reason: String)
  case malformed(String)
  case closed

  public var description: String {
    switch self {
    case .timeout(let type, let seconds): "\(type): no reply within \(seconds) s"
    case .refused(let type, let reason): "\(type): refused: \(reason)"
    case .malformed(let reason): "malformed message: \(reason)"
    case .closed: "the connection is closed"
    }
  }
}
