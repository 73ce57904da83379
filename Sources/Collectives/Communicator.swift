/// One rank's place in a group of ranks that compute together, as in MPI.
///
/// All calls but `rank` and `count` are *collective*: every rank makes the same ones in the same order, with as many
/// numbers. What a rank that is lost leaves behind is not a group any more: implementations over processes end the whole
/// group then, so nothing here throws.
///
/// One thread of a rank calls at a time.
public protocol Communicator: Sendable {
  /// This rank's number, from 0; the first one decides what all do.
  var rank: Int { get }
  /// Ranks in the group.
  var count: Int { get }
  /// Begins to replace each number by its sum over all ranks, the same on each of them, and returns at once. Nobody
  /// touches the memory until `waitForSums` has returned.
  func beginSum(_ numbers: UnsafeMutableBufferPointer<Float>)
  /// Waits for all sums that have begun.
  func waitForSums()
  /// The sums over all ranks, the same on each of them.
  func sum(_ numbers: [Double]) -> [Double]
  /// - Parameter bytes: Only the first rank's count.
  /// - Returns: The first rank's bytes.
  func broadcast(_ bytes: [UInt8]) -> [UInt8]
  /// Leaves the group, once all that has begun is done: the last call.
  func finish()
}

extension Communicator {
  public var isFirst: Bool { rank == 0 }
}
