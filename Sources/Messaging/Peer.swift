import RecapAlgorithm

/// Who sent a request, as far as the transport vouches for it.
public enum Peer: Hashable, Sendable {
  /// Somebody at an endpoint that asks for no key: of this process, of this machine, or of a network that is trusted.
  case unnamed
  /// The owner of a key, which the connection's handshake has proved.
  case key(PublicKey)
}
