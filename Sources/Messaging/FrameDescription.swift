import Tensors

/// What a raw frame holds: an entry of the header's `frames`.
public struct FrameDescription: Codable, Hashable, Sendable, CustomStringConvertible {
  /// Which of a message's tensors it is, such as "observation.state"; nil where the frame's place
  /// says it.
  public var name: String?
  /// The elements, little-endian.
  public var type: ElementType
  /// Extents, row-major; empty for a scalar.
  public var shape: [Int]

  public init(name: String? = nil, type: ElementType, shape: [Int]) {
    self.name = name
    self.type = type
    self.shape = shape
  }

  private enum CodingKeys: String, CodingKey {
    case name
    case type = "dtype"
    case shape
  }

  /// Bytes of a frame so described; nil for a negative extent or a product beyond `Int`.
  public var byteCount: Int? {
    var count = type.byteCount
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else { return nil }
      count = product
    }
    return count
  }

  public var description: String {
    (name.map { "\($0): " } ?? "") + "\(type.rawValue)\(shape)"
  }
}
