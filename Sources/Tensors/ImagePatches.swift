import CKernels

/// Camera frames cut into patches, as networks read them.
public enum ImagePatches {
  /// One frame: where its bytes are, and how it is cut.
  public struct Source: Sendable {
    var bytes: [UInt8]
    var start: Int
    var height: Int
    var width: Int
    var patch: Int
    var merge: Int

    /// - Parameters:
    ///   - bytes: Frames of [height, width, 3] bytes.
    ///   - start: Where the frame begins in them.
    ///   - patch: Side of a patch in pixels, p.
    ///   - merge: Patches along a block, m; p × m divides height and width.
    public init(
      _ bytes: [UInt8], at start: Int, height: Int, width: Int, patch: Int, merge: Int
    ) {
      precondition(
        start >= 0 && start + height * width * 3 <= bytes.count
          && height.isMultiple(of: patch * merge) && width.isMultiple(of: patch * merge),
        "\(bytes.count) bytes have no \(height) x \(width) image at \(start) to cut by "
          + "\(patch * merge)")
      self.bytes = bytes
      self.start = start
      self.height = height
      self.width = width
      self.patch = patch
      self.merge = merge
    }

    var count: Int { height * width * 3 }
  }

  /// The patches of several frames, one after the other: blocks row by row, the m × m patches of each block row by row,
  /// each patch as [p, p, 3] with bytes as b / 127.5 − 1 in [−1, 1].
  public static func gathered(from sources: [Source]) -> [Float] {
    let total = sources.reduce(0) { $0 + $1.count }
    return [Float](unsafeUninitializedCapacity: total) { buffer, count in
      guard var y = buffer.baseAddress else { return }
      for source in sources {
        source.bytes.withUnsafeBufferPointer { bytes in
          guard let x = bytes.baseAddress else { return }
          recap_image_patches(
            y, x + source.start, 1, source.height, source.width, source.patch, source.merge)
        }
        y += source.count
      }
      count = total
    }
  }
}
