import CKernels

/// Camera frames cut into patches, as networks read them.
public enum ImagePatches {
  /// One frame, and how it is cut.
  public struct Source: Sendable {
    var bytes: ArraySlice<UInt8>
    var height: Int
    var width: Int
    var patch: Int
    var merge: Int

    /// - Parameters:
    ///   - bytes: [height, width, 3]
    ///   - patch: Side of a patch in pixels, p.
    ///   - merge: Patches along a block, m; p × m divides height and width.
    public init(
      _ bytes: ArraySlice<UInt8>, height: Int, width: Int, patch: Int, merge: Int
    ) {
      precondition(
        bytes.count == height * width * 3
          && height.isMultiple(of: patch * merge) && width.isMultiple(of: patch * merge),
        "\(bytes.count) bytes are no \(height) x \(width) image to cut by \(patch * merge)")
      self.bytes = bytes
      self.height = height
      self.width = width
      self.patch = patch
      self.merge = merge
    }

    var count: Int { height * width * 3 }
  }

  /// The patches of several frames, one after the other: blocks row by row, the m × m patches of each
  /// block row by row, each patch as [p, p, 3] with bytes as b / 127.5 − 1 in [−1, 1].
  public static func gathered(from sources: [Source]) -> [Float] {
    let total = sources.reduce(0) { $0 + $1.count }
    return [Float](unsafeUninitializedCapacity: total) { buffer, count in
      guard var y = buffer.baseAddress else { return }
      for (index, source) in sources.enumerated() {
        let following = sources[min(index + 1, sources.count - 1)]
        // Only fetched into the cache, never read: it may outlive its array.
        let next = following.bytes.withUnsafeBufferPointer { $0.baseAddress }
        source.bytes.withUnsafeBufferPointer { bytes in
          guard let x = bytes.baseAddress else { return }
          recap_image_patches(
            y, x, 1, next ?? x, source.height, source.width, source.patch, source.merge)
        }
        y += source.count
      }
      count = total
    }
  }
}
