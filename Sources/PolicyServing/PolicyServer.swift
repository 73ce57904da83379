import Episodes
import HTTPService

/// Serves a policy over openpi's WebSocket protocol: metadata first, then MessagePack maps with NumPy
/// arrays, an answer to each observation. `GET /healthz` says that the server lives, `GET /readyz`
/// whether the policy is loaded. It also lets one robot practise for a run: see `OpenPIRobot`.
public struct PolicyServer: Sendable {
  /// Who may ask, and what of.
  public struct Settings: Sendable {
    /// "Authorization: Api-Key …" that clients must send; nil lets everybody ask.
    public var apiKey: String?
    /// Seeds the noise of all replies.
    public var seed: UInt64
    /// The server's name and version, for the metadata.
    public var server: String
    /// Clients at a time.
    public var clients: Int
    /// Bytes of one message.
    public var messageBytes: Int
    /// After this long without a word a client is asked for a sign of life.
    public var quietTime: Duration

    public init(
      apiKey: String? = nil, seed: UInt64 = 0, server: String, clients: Int = 128,
      messageBytes: Int = 32 * 1024 * 1024, quietTime: Duration = .seconds(20)
    ) {
      self.apiKey = apiKey
      self.seed = seed
      self.server = server
      self.clients = clients
      self.messageBytes = messageBytes
      self.quietTime = quietTime
    }
  }

  private let server: HTTPServer
  private let settings: Settings
  private let access: ServingAccess

  /// The port that is listened at, also where any free one was asked for.
  public var port: Int { server.port }

  /// Takes hold of an address; clients wait until `run`. Whoever has a server either runs or closes it.
  ///
  /// - Parameter port: 0 for any free one.
  /// - Throws: `HTTPServerError` for an address that cannot be listened at.
  public static func bind(
    host: String, port: Int, settings: Settings
  ) async throws -> PolicyServer {
    let access = ServingAccess(apiKey: settings.apiKey)
    let server = try await HTTPServer.bind(
      host: host, port: port, limits: HTTPLimits(connections: settings.clients),
      webSockets: WebSocketSettings(
        messageBytes: settings.messageBytes, quietTime: settings.quietTime
      ) { request in
        !Self.statusPaths.contains(request.path) && access.refusal(request) == nil
      })
    return PolicyServer(server: server, settings: settings, access: access)
  }

  /// Answers clients until the task is cancelled. Those that come before the policy is there wait for
  /// it, and have their pings answered meanwhile.
  ///
  /// - Throws: What loading the policy failed with, and `CancellationError`.
  public func run(_ policy: PolicyArrival) async throws {
    let settings = settings
    try await run(policy) { served, socket in
      let client = await served.service.join()
      var session = ServingSession(
        policy: served, client: client, server: settings.server, seed: settings.seed)
      do {
        try await session.run(on: socket)
      } catch {
        await served.service.leave(client)
        throw error
      }
      await served.service.leave(client)
    }
  }

  /// Lets a robot's program practise with what a collector has it do, until the task is cancelled.
  ///
  /// - Throws: Why there will be no robot, and `CancellationError`.
  public func run(practising robot: Arrival<OpenPIRobot>) async throws {
    let settings = settings
    try await run(robot) { robot, socket in
      let client = await robot.join()
      let session = CollectingSession(robot: robot, client: client, server: settings.server)
      do {
        try await session.run(on: socket)
      } catch {
        await robot.leave(client)
        throw error
      }
      await robot.leave(client)
    }
  }

  /// Holds a conversation with each client about what has arrived.
  private func run<Value: Sendable>(
    _ arrival: Arrival<Value>,
    _ converse: @escaping @Sendable (Value, WebSocket) async throws -> Void
  ) async throws {
    let routes = routes(arrival)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await server.run(routes) { socket, _ in
          try await converse(try await arrival.value(), socket)
        }
      }
      group.addTask { _ = try await arrival.value() }
      defer { group.cancelAll() }
      // The arrival ends nothing; that there will be none ends everything.
      try await group.next()
      try await group.next()
    }
  }

  /// Lets go of the address without having run.
  public func close() async { await server.close() }

  private static let statusPaths: Set<String> = ["/healthz", "/readyz"]

  private func routes<Value>(_ arrival: Arrival<Value>) -> HTTPRoutes {
    var routes = HTTPRoutes()
    let access = access
    routes.check { Self.statusPaths.contains($0.path) ? nil : access.refusal($0) }
    routes.on("GET", "/healthz") { _ in .text("OK\n") }
    routes.on("GET", "/readyz") { _ in
      await arrival.isReady
        ? .text("ready\n") : .text("the policy is being loaded\n", status: 503)
    }
    routes.on("GET", "/{path...}") { _ in
      var refusal = HTTPResponse.failure(
        426,
        "this is openpi's WebSocket protocol: connect with openpi_client's "
          + "WebsocketClientPolicy or any WebSocket client of version 13")
      refusal.headers.append(("Upgrade", "websocket"))
      return refusal
    }
    return routes
  }
}

/// Who may ask a policy.
struct ServingAccess: Sendable {
  /// Of the key, so that comparing takes as long for a close guess as for any other.
  private let key: ContentDigest?

  init(apiKey: String?) { key = apiKey.map { ContentDigest(hashing: Array($0.utf8)) } }

  /// Why a request is refused; nil where it is not.
  func refusal(_ request: HTTPRequest) -> HTTPResponse? {
    if let key {
      let words = (request.headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
      guard words.count == 2, ["api-key", "bearer"].contains(words[0].lowercased()),
        ContentDigest(hashing: Array(words[1].utf8)) == key
      else {
        return .failure(401, "an API key is needed: as 'Authorization: Api-Key …'")
      }
      return nil
    }
    // Robots are no browsers: this is some web page, asking through the browser of a person here.
    guard request.headers["origin"] == nil else {
      return .failure(403, "web pages may not ask this server")
    }
    return nil
  }
}
