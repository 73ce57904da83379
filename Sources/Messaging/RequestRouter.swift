/// Finds the handler of each request type. Built once, then immutable, so that any number of connections share it.
public struct RequestRouter: Sendable {
  /// Decodes a JSON body, runs the handler and encodes the reply's body.
  typealias Handler = @Sendable (_ body: [UInt8], _ frames: [Frame]) async throws -> ([UInt8], [Frame])
  var handlers: [String: Handler] = [:]

  public init() {}
}
