/// Finds the handler of each request type. Built once, then immutable, so that any number of
/// connections share it.
public struct RequestRouter: Sendable {
  /// Decodes the body, runs the handler and encodes the reply.
  private typealias Handler = @Sendable (WireMessage, Peer) async throws -> [Frame]
  private var handlers: [String: Handler] = [:]

  public init() {}

  /// The request types that have a handler, sorted.
  public var types: [String] { handlers.keys.sorted() }

  /// Registers the handler of one request type. What it throws is sent back as the reason of a
  /// refusal, but for `CancellationError`, which means that this side stops: then there is no
  /// answer, and the asking side will ask whoever comes next.
  ///
  /// - Precondition: The type has no handler yet.
  public mutating func on<R: Request>(
    _ type: R.Type, _ handler: @escaping @Sendable (Envelope<R>) async throws -> Envelope<R.Reply>
  ) {
    on(type) { request, _ in try await handler(request) }
  }

  /// As `on`, for a handler that asks who sent the request.
  public mutating func on<R: Request>(
    _: R.Type,
    _ handler: @escaping @Sendable (Envelope<R>, Peer) async throws -> Envelope<R.Reply>
  ) {
    precondition(handlers[R.type] == nil, "\(R.type) has two handlers")
    handlers[R.type] = { message, peer in
      let request = Envelope(try message.body(as: R.self), frames: message.frames)
      let reply = try await handler(request, peer)
      return try WireCodec.encode(
        id: message.id, type: R.type, kind: .reply, body: reply.body, frames: reply.frames)
    }
  }

  /// Registers the handler of a request type that has no raw frames either way.
  public mutating func answer<R: Request>(
    _: R.Type, _ handler: @escaping @Sendable (R) async throws -> R.Reply
  ) {
    on(R.self) { Envelope(try await handler($0.body)) }
  }

  /// Adds another router's handlers, as when one socket serves the coordinator and the archive.
  ///
  /// - Precondition: No type has a handler in both.
  public mutating func merge(_ other: RequestRouter) {
    handlers.merge(other.handlers) { _, _ in preconditionFailure("a request type has two handlers")
    }
  }

  /// Answers one message: with the handler's reply, or with an error that says what went wrong.
  ///
  /// - Parameters:
  ///   - frames: The message's frames, without any that the transport added.
  ///   - peer: Who sent it.
  /// - Returns: nil when there is nobody to answer: the message is no request, or the server is
  ///   stopping.
  public func respond(to frames: [Frame], from peer: Peer = .unnamed) async -> [Frame]? {
    let message: WireMessage
    do {
      message = try WireCodec.decode(frames)
    } catch {
      return refusal(id: error.id, type: error.type, reason: error.reason)
    }
    guard message.kind == .request else { return nil }
    guard let handler = handlers[message.type] else {
      return refusal(
        id: message.id, type: message.type,
        reason:
          "unknown request type '\(message.type)'; known here: \(types.joined(separator: ", "))")
    }
    do {
      return try await handler(message, peer)
    } catch  where error is CancellationError || Task.isCancelled {
      return nil
    } catch {
      return refusal(id: message.id, type: message.type, reason: String(describing: error))
    }
  }

  private func refusal(id: String, type: String, reason: String) -> [Frame]? {
    try? WireCodec.encode(
      id: id, type: type, kind: .error, body: ErrorBody(reason: reason), frames: [])
  }
}
