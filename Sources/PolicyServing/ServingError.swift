/// What cannot be served, in words for whoever asked.
public struct ServingError: Error, Equatable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}
