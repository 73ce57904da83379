import Collectives
import Executors
import Tensors

/// Sums gradients over the lanes of this rank and then over all ranks, a bucket of parameters at a time: each as soon as
/// the backward passes have finished with its parameters, while they go on with others (as in Li and others, "PyTorch
/// Distributed", 2020).
///
/// Buckets go from the parameters that were added last to the first, which is about the order in which backward passes
/// finish with them. They are sent in that order whenever they are ready, since sums over ranks must begin in the same
/// order on all of them.
///
/// `@unchecked Sendable`: a bucket's gradients are touched by the thread that finishes it, and from then on by the
/// communicator.
final class GradientReduction: @unchecked Sendable {
  /// Numbers of a bucket, at least: 512 KiB, of which a sum takes a fraction of a millisecond.
  static let bucketSize = 1 << 17

  private let parameters: ParameterStore
  private let lanes: [ParameterVector]
  private let communicator: any Communicator
  private let ranges: [Range<Int>]
  /// By parameter.
  private let buckets: [Int]
  private let progress: Monitored<Progress>

  private struct Progress: Sendable {
    /// Parameters of each bucket that lanes have not finished.
    var pending: [Int]
    var isReady: [Bool]
    /// Buckets that were sent.
    var sent = 0
  }

  /// - Parameters:
  ///   - lanes: The gradients of this rank's lanes but the first, whose are the store's.
  ///   - bucketSize: In numbers.
  init(
    _ parameters: ParameterStore, lanes: [ParameterVector], communicator: any Communicator,
    bucketSize: Int = bucketSize
  ) {
    self.parameters = parameters
    self.lanes = lanes
    self.communicator = communicator
    var ranges: [Range<Int>] = []
    var sizes: [Int] = []
    let all = parameters.parameterRanges
    var buckets = [Int](repeating: 0, count: all.count)
    for (parameter, range) in all.enumerated().reversed() {
      if let last = ranges.last, last.count < bucketSize {
        ranges[ranges.count - 1] = range.lowerBound..<last.upperBound
        sizes[sizes.count - 1] += 1
      } else {
        ranges.append(range)
        sizes.append(1)
      }
      buckets[parameter] = ranges.count - 1
    }
    self.ranges = ranges
    self.buckets = buckets
    progress = Monitored(
      Progress(
        pending: sizes.map { $0 * (lanes.count + 1) },
        isReady: Array(repeating: false, count: sizes.count)))
  }

  /// Hears from a lane that nothing more will be added to its gradient of a parameter.
  func finish(_ parameter: Int) {
    let bucket = buckets[parameter]
    let isLast = progress.look { progress in
      progress.pending[bucket] -= 1
      return progress.pending[bucket] == 0
    }
    guard isLast else { return }
    parameters.addGradients(lanes, in: ranges[bucket])
    progress.look { progress in
      progress.isReady[bucket] = true
      while progress.sent < ranges.count, progress.isReady[progress.sent] {
        communicator.beginSum(parameters.gradientMemory(ranges[progress.sent]))
        progress.sent += 1
      }
    }
  }

  /// The same for all parameters.
  func finishAll() {
    for parameter in buckets.indices { finish(parameter) }
  }

  /// Waits until the store holds the sums.
  ///
  /// - Precondition: All lanes have finished with all parameters.
  func wait() {
    precondition(progress.look { $0.sent } == ranges.count, "a lane has not finished its gradients")
    communicator.waitForSums()
  }
}
