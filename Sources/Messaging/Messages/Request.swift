/// A request's body and the reply it asks for. Bodies travel as the JSON header's `body`; raw bytes
/// travel beside them as frames. Every request is idempotent: sending it again changes nothing
/// more.
public protocol Request: Codable, Sendable {
  associatedtype Reply: Codable & Sendable
  /// The header's `type`, such as "control.join".
  static var type: String { get }
}

/// A reply without content.
public struct Acknowledgement: Codable, Sendable, Equatable {
  public init() {}
}
