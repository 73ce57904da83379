/// What one client may ask of a server.
public struct HTTPLimits: Hashable, Sendable {
  /// Bytes of a request's header fields together.
  public var headBytes: Int
  /// Bytes of a request's body.
  public var bodyBytes: Int
  /// Connections at a time; one more is told to come back later.
  public var connections: Int
  /// The longest that a connection may be without a complete head of a request: while it is idle, and
  /// while its client dawdles over one.
  public var headTime: Duration
  /// The longest that a body may take after its head.
  public var bodyTime: Duration
  /// The longest that a client may leave what is sent to it unread.
  public var unreadTime: Duration

  public init(
    headBytes: Int = 16 * 1024, bodyBytes: Int = 1024 * 1024, connections: Int = 512,
    headTime: Duration = .seconds(60), bodyTime: Duration = .seconds(30),
    unreadTime: Duration = .seconds(30)
  ) {
    self.headBytes = headBytes
    self.bodyBytes = bodyBytes
    self.connections = connections
    self.headTime = headTime
    self.bodyTime = bodyTime
    self.unreadTime = unreadTime
  }
}
