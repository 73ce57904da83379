import Executors
import Foundation
import Messaging
import RecapAlgorithm

/// Decides for a context's protected sockets who is let in: the handler of ZeroMQ's authentication protocol (RFC 27),
/// of which a context has one.
///
/// libzmq has proved that a client holds its key's secret half; whose keys count, each socket says for itself.
actor Doorkeeper: SocketOwner {
  private static let endpoint = "inproc://zeromq.zap.01"

  private let executor: ThreadExecutor
  private let socket: ZeroMQSocket
  /// By the domain that a socket has to itself.
  private let doors = Locked<[String: @Sendable (PublicKey) -> ServerKeys.Admission]>([:])

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  init(in context: ZeroMQContext) throws(ZeroMQError) {
    socket = try ZeroMQSocket(.server, in: context)
    // A predecessor may be about to let go of the name, on its own thread.
    let deadline = ContinuousClock.now + .seconds(2)
    while true {
      do {
        _ = try socket.bind(Self.endpoint)
        break
      } catch {
        if .now > deadline { throw error }
        Thread.sleep(forTimeInterval: 0.005)
      }
    }
    let poller = try SocketPoller(socket)
    executor = ThreadExecutor(name: "zmq-doorkeeper", wait: poller)
    poller.attach(self)
  }

  /// Lets those into a domain whom `admits` allows.
  nonisolated func open(
    _ domain: String, _ admits: @escaping @Sendable (PublicKey) -> ServerKeys.Admission
  ) {
    doors.withLock { $0[domain] = admits }
  }

  /// Lets nobody into a domain any more.
  nonisolated func close(_ domain: String) { doors.withLock { _ = $0.removeValue(forKey: domain) } }

  nonisolated func interest() -> SocketInterest { SocketInterest(reading: true) }

  nonisolated func serviceSocket(connectionsChanged: Bool) {
    assumeIsolated { doorkeeper in
      if connectionsChanged { while doorkeeper.socket.nextEvent() != nil {} }
      while let request = doorkeeper.socket.receive() { doorkeeper.answer(request.frames) }
    }
  }

  /// A request: the way back, an empty frame, then version, id, domain, address, identity, mechanism and the
  /// client's key.
  private func answer(_ frames: [Frame]) {
    guard let gap = frames.firstIndex(where: { $0.count == 0 }), frames.count >= gap + 3 else {
      return
    }
    let parts = frames[(gap + 1)...].map(\.bytes)
    let (status, words, key) = verdict(parts)
    // Version, the request's id as it came, status, words, user, and no metadata.
    let reply =
      [Array("1.0".utf8), parts[1]]
      + [status, words, key?.rawValue ?? "", ""].map { Array($0.utf8) }
    _ = socket.send(Array(frames[...gap]) + reply.map { Frame($0) })
  }

  /// - Returns: The protocol's status, and the key as the connection's user where it is let in.
  private func verdict(_ parts: [[UInt8]]) -> (status: String, words: String, user: PublicKey?) {
    let refusal = ("400", "this key is not known here", PublicKey?.none)
    guard parts.count >= 7, parts[0] == Array("1.0".utf8), parts[5] == Array("CURVE".utf8),
      let key = z85(parts[6]).flatMap(PublicKey.init(rawValue:))
    else { return refusal }
    let domain = String(decoding: parts[2], as: UTF8.self)
    // Never called with the lock held: it may take others.
    guard let admits = doors.withLock({ $0[domain] }) else { return refusal }
    switch admits(key) {
    case .yes: return ("200", "OK", key)
    case .no: return refusal
    case .later: return ("300", "try again", nil)
    }
  }
}
