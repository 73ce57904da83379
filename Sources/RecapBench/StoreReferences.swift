import Dispatch
import Episodes
import Executors
import Glibc
import Tensors

/// What the disk itself gives: files of the same bytes, written and flushed by as many threads, with
/// nothing else done. Works on raw memory, as `O_DIRECT` wants it aligned.
final class DiskReference: @unchecked Sendable {
  // Sendable: the memory is written by `init` alone, and only read while it lives.
  private let memory: UnsafeMutableRawBufferPointer
  private let fileSize: Int
  private let files: Int
  private static let block = 4096

  private var stride: Int { (fileSize + Self.block - 1) / Self.block * Self.block }

  /// - Parameter files: Of one size.
  init(_ files: [[UInt8]]) {
    fileSize = files[0].count
    self.files = files.count
    let stride = (fileSize + Self.block - 1) / Self.block * Self.block
    memory = .allocate(byteCount: stride * files.count, alignment: Self.block)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    for (index, file) in files.enumerated() {
      file.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: memory[(index * stride)...]).copyMemory(from: $0)
      }
    }
  }

  deinit { memory.deallocate() }

  /// - Parameters:
  ///   - folder: Is there; the files are left in it.
  ///   - bypassesCache: Whether by `O_DIRECT`, with the last block filled up.
  /// - Returns: Seconds until all files were flushed; nil where one could not be written, as on a file
  ///   system without `O_DIRECT`.
  func write(to folder: String, threads: Int, bypassesCache: Bool) async -> Double? {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        let start = ContinuousClock.now
        let written = Locked(0)
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
          for index in Swift.stride(from: thread, to: self.files, by: threads) {
            guard self.write(index, to: "\(folder)/\(index)", bypassesCache) else { return }
            written.withLock { $0 += 1 }
          }
        }
        let time = (ContinuousClock.now - start) / .seconds(1)
        continuation.resume(returning: written.withLock { $0 } == self.files ? time : nil)
      }
    }
  }

  private func write(_ index: Int, to path: String, _ bypassesCache: Bool) -> Bool {
    let flags = O_WRONLY | O_CREAT | O_TRUNC | (bypassesCache ? __O_DIRECT : 0)
    let descriptor = open(path, flags, 0o644)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let (size, most) = bypassesCache ? (stride, 2 << 20) : (fileSize, fileSize)
    var written = 0
    while written < size {
      let result = Glibc.write(
        descriptor, memory.baseAddress! + index * stride + written, min(most, size - written))
      guard result > 0 else { return false }
      written += result
    }
    return fdatasync(descriptor) == 0
  }
}

/// What memory itself gives: the stored bytes of random samples, copied.
struct CopyReference {
  private let episodes: [Episode]
  private let chunkLength: Int
  private var random = RandomSource(seed: 2, stream: "copies")
  private var copy: [UInt8]

  /// - Parameter episodes: All of as many steps.
  init(_ episodes: [Episode], chunkLength: Int) {
    self.episodes = episodes
    self.chunkLength = chunkLength
    let embodiment = episodes[0].metadata.embodiment
    sampleBytes =
      embodiment.cameras.reduce(0) { $0 + $1.byteCount }
      + 4 * (embodiment.proprioceptionWidth + chunkLength * embodiment.actionWidth)
    copy = [UInt8](repeating: 0, count: 0)
  }

  /// Bytes of one sample as it is stored.
  let sampleBytes: Int

  /// Copies the images, the state and the actions of `count` samples into memory that is used again.
  mutating func draw(_ count: Int) {
    if copy.count < count * sampleBytes { copy = [UInt8](repeating: 0, count: count * sampleBytes) }
    let (episodes, chunkLength, steps) = (episodes, chunkLength, episodes[0].count)
    let embodiment = episodes[0].metadata.embodiment
    let (states, actions) = (embodiment.proprioceptionWidth, embodiment.actionWidth)
    let frames = (0..<count).map { _ in random.integer(below: episodes.count * steps) }
    copy.withUnsafeMutableBytes { copy in
      var place = 0
      func append(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: copy[place...]).copyMemory(from: bytes)
        place += bytes.count
      }
      for frame in frames {
        let (index, step) = (frame / steps, frame % steps)
        for camera in embodiment.cameras.indices {
          episodes[index].frame(of: camera, at: step).withUnsafeBytes(append)
        }
        episodes[index].proprioception[step * states..<(step + 1) * states].withUnsafeBytes(append)
        let end = min(step + chunkLength, steps)
        episodes[index].actions[step * actions..<end * actions].withUnsafeBytes(append)
      }
    }
  }
}
