/// Float buffers that are handed out and taken back by size class, so that a training step after
/// the first few allocates nothing.
///
/// Unsafe memory: buffers live exactly from `take` to `give`, across functions, which no Swift
/// array can express without copies.
final class BufferPool {
  struct Buffer {
    var start: UnsafeMutablePointer<Float>
    fileprivate var sizeClass: Int
  }

  private var free: [[Buffer]] = []
  private var blocks: [UnsafeMutablePointer<Float>] = []
  /// Bytes ever taken from the system.
  private(set) var allocatedBytes = 0

  deinit {
    for block in blocks { block.deallocate() }
  }

  /// An uninitialised buffer of at least `count` floats that starts on a cache line.
  func take(_ count: Int) -> Buffer {
    // Four classes to each power of two waste at most a fifth.
    let wanted = max(count, 64)
    let shift = Int.bitWidth - 1 - wanted.leadingZeroBitCount - 2
    let quarters = (wanted + (1 << shift) - 1) >> shift
    let sizeClass = shift * 8 + quarters
    if sizeClass < free.count, let buffer = free[sizeClass].popLast() { return buffer }
    return allocate(quarters << shift, sizeClass)
  }

  func give(_ buffer: Buffer) {
    if buffer.sizeClass >= free.count {
      free += Array(repeating: [], count: buffer.sizeClass + 1 - free.count)
    }
    free[buffer.sizeClass].append(buffer)
  }

  private func allocate(_ count: Int, _ sizeClass: Int) -> Buffer {
    // Large blocks all start at the same place within a page; shifting each by some cache lines
    // keeps kernels that walk several of them from fighting over the same cache sets.
    let colour = blocks.count * 5 % 32 * FloatMemory.line
    let block = FloatMemory.allocate(count + colour)
    blocks.append(block)
    allocatedBytes += (count + colour) * MemoryLayout<Float>.size
    return Buffer(start: block + colour, sizeClass: sizeClass)
  }
}
