import CoordinatorRole
import Foundation
import Launching
import Messaging
import ZeroMQTransport

/// A coordinator's sockets: one for whoever needs no key, one for those who do, and one for the person in charge. Apart,
/// so that a request that came in by one door can never be taken for one of another.
struct CoordinatorDoors: Sendable {
  /// Of this process, this machine, and a network that is trusted.
  private let open: ZeroMQServer
  /// For other machines; nil where none is to reach it.
  private let protected: ZeroMQServer?
  /// In the run's directory; nil until that is there.
  private var operating: ZeroMQServer?
  private let keys: RunKeys
  /// Whose keys are let in.
  let ring: KeyRing

  /// Takes hold of the endpoints, so that one that cannot be had refuses the start.
  ///
  /// - Parameters:
  ///   - endpoints: Where to listen besides `Composition.localEndpoint`.
  ///   - trustsNetwork: Whether addresses that other machines reach need no keys.
  ///   - directory: Of keys that are there already; nil for the run's own.
  ///   - run: The run's directory, which may yet have to be made.
  static func bind(
    _ endpoints: [String], trustsNetwork: Bool, keys directory: String?, ofRun run: String
  ) async throws -> CoordinatorDoors {
    let keys: RunKeys
    if let directory {
      guard let given = try RunKeys.load(directory) else {
        throw BadKeys(
          reason:
            "there is no coordinator.key in \(directory): 'recap keys \(directory)' makes keys")
      }
      keys = given
    } else {
      keys = try RunKeys.load(RunKeys.directory(ofRun: run)) ?? RunKeys()
    }
    let ring = KeyRing(roles: keys.roles)
    let isOpen = { trustsNetwork || ZeroMQServer.isLocal($0) }
    let others = endpoints.filter { !isOpen($0) }
    let protected =
      try others.isEmpty
      ? nil
      : ZeroMQServer(
        endpoints: others,
        keys: ServerKeys(pair: keys.server) { key in
          ring.admits(key).map { $0 ? .yes : .no } ?? .later
        })
    do {
      let open = try ZeroMQServer(
        endpoints: [Composition.localEndpoint] + endpoints.filter(isOpen),
        trustsNetwork: trustsNetwork)
      return CoordinatorDoors(open: open, protected: protected, keys: keys, ring: ring)
    } catch {
      await protected?.close()
      throw error
    }
  }

  private init(open: ZeroMQServer, protected: ZeroMQServer?, keys: RunKeys, ring: KeyRing) {
    self.open = open
    self.protected = protected
    self.keys = keys
    self.ring = ring
  }

  /// Opens the door of the person in charge, and says in the run's directory where all of them are.
  ///
  /// - Throws: What a directory that cannot be written to throws.
  mutating func settle(in run: String) throws {
    if protected != nil { try keys.save(in: RunKeys.directory(ofRun: run)) }
    var places = CoordinatorPlaces(
      operating: nil, protected: [], server: nil, open: open.boundEndpoints)
    // Some file systems hold no sockets.
    for endpoint in CoordinatorPlaces.operatingEndpoints(ofRun: run) where operating == nil {
      operating = try? ZeroMQServer(endpoints: [endpoint])
      if operating != nil {
        chmod(String(endpoint.dropFirst("ipc://".count)), 0o600)
        places.operating = endpoint
      }
    }
    if let protected {
      let host = ProcessInfo.processInfo.hostName
      places.protected = protected.boundEndpoints.map {
        CoordinatorAddress.reachable($0, host: host)
      }
      places.server = keys.server.publicKey
    }
    try places.publish(inRun: run)
  }

  /// All doors as one.
  var server: any RequestServer {
    JointServer([open, protected, operating].compactMap { $0 })
  }

  /// Where other processes connect, those that need keys first.
  var endpoints: [(endpoint: String, needsKey: Bool)] {
    (protected?.boundEndpoints ?? []).map { ($0, true) }
      + open.boundEndpoints.filter { $0 != Composition.localEndpoint }.map { ($0, false) }
  }

  func close() async {
    await open.close()
    await protected?.close()
    await operating?.close()
  }
}
