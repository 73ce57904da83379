import Tensors

/// Works on the samples of a batch in slices, several at once, over shared parameters.
///
///     let workers = DataParallel(store, threads: 2)
///     let losses = workers.gradients(samples: 32, sliceSize: 4) { tape, samples in
///       let loss = network.loss(tape, batch, samples)  // with the whole batch's `total`
///       return (loss, tape.scalar(loss))
///     }
///     optimizer.step(learningRate: 3e-4, workers: workers)
///
/// Slices also keep what a pass touches in the caches. They are dealt out to lanes, each with a tape
/// and gradients of its own; threads take lanes, and gradients are summed in the lanes' order. There
/// are as many lanes as threads, but at least two, so that one thread and two give equal results,
/// bit for bit.
///
/// Not Sendable, as the store is not; one actor owns both. The closures run on the team's threads
/// while that actor waits in the call, which is why the tapes may be handed to them.
public final class DataParallel {
  public let parameters: ParameterStore
  private let team: ThreadTeam
  private let workers: Workers

  /// `@unchecked Sendable`: a thread touches only the tapes and gradients of its own lanes.
  private struct Workers: @unchecked Sendable {
    let parameters: ParameterStore
    let tapes: [Tape]
    /// Of all lanes but the first, which uses the store's.
    let gradients: [ParameterVector]
  }

  /// For the parameters that `parameters` has now.
  public init(_ parameters: ParameterStore, threads: Int) {
    self.parameters = parameters
    team = ThreadTeam(count: threads)
    let gradients = (1..<max(threads, 2)).map { _ in ParameterVector(zerosFor: parameters) }
    workers = Workers(
      parameters: parameters,
      tapes: ([nil] + gradients).map {
        Tape(parameters, gradients: $0, packsWeights: false)
      },
      gradients: gradients)
  }

  public var threads: Int { team.count }
  private var lanes: Int { workers.tapes.count }

  /// Bytes of the tapes' pooled memory.
  public var pooledBytes: Int { workers.tapes.reduce(0) { $0 + $1.pooledBytes } }

  /// `count` samples in slices of at most `size`, as equal as can be and equally many for each
  /// lane where there are enough samples.
  public func slices(of count: Int, size: Int) -> [Range<Int>] {
    precondition(count > 0 && size > 0, "expected samples, got \(count) in slices of \(size)")
    let least = (count + size - 1) / size
    let slices = min((least + lanes - 1) / lanes * lanes, count)
    return (0..<slices).map { count * $0 / slices..<count * ($0 + 1) / slices }
  }

  /// Runs `body` for every slice of `count` samples, for passes without gradient.
  ///
  /// - Parameter body: Takes a tape, which it resets, and the samples. Nothing it makes on the tape
  ///   may leave it.
  /// - Returns: Results in the order of slices.
  public func run<Result: Sendable>(
    samples count: Int, sliceSize: Int, _ body: @Sendable (Tape, Range<Int>) -> Result
  ) -> [Result] {
    let slices = slices(of: count, size: sliceSize)
    let (lanes, workers) = (lanes, workers)
    let results = Slots<Result>(slices.count)
    packWeights(backward: false)
    forEachLane { lane in
      for index in slices.count * lane / lanes..<slices.count * (lane + 1) / lanes {
        results.set(index, to: body(workers.tapes[lane], slices[index]))
      }
    }
    return results.values
  }

  /// Sums the gradients of all slices' losses into the store's gradients, which start at zero.
  ///
  /// - Parameter loss: Takes a tape, reset for recording, and the samples of one slice. Returns
  ///   the slice's share in the batch's loss, a scalar, and whatever the caller wants to know.
  /// - Returns: What `loss` returned besides, in the order of slices.
  public func gradients<Result: Sendable>(
    samples count: Int, sliceSize: Int,
    _ loss: @Sendable (Tape, Range<Int>) -> (loss: Variable, result: Result)
  ) -> [Result] {
    let slices = slices(of: count, size: sliceSize)
    let (lanes, workers) = (lanes, workers)
    let results = Slots<Result>(slices.count)
    packWeights(backward: true)
    forEachLane { lane in
      let tape = workers.tapes[lane]
      if lane == 0 {
        workers.parameters.zeroGradients()
      } else {
        workers.gradients[lane - 1].setToZero()
      }
      for index in slices.count * lane / lanes..<slices.count * (lane + 1) / lanes {
        tape.reset(recording: true)
        let (loss, result) = loss(tape, slices[index])
        tape.backward(from: loss)
        results.set(index, to: result)
      }
    }
    _ = overRanges { $0.addGradients(workers.gradients, in: $1) }
    return results.values
  }

  private func forEachLane(_ body: @Sendable (Int) -> Void) {
    let (lanes, threads) = (lanes, threads)
    team.run { rank in
      for lane in lanes * rank / threads..<lanes * (rank + 1) / threads { body(lane) }
    }
  }

  private func packWeights(backward: Bool) {
    parameters.packWeights(backward: backward) { pack in
      withoutActuallyEscaping(pack) { pack in
        let shared = Shared(pack)
        let threads = threads
        team.run { rank in shared.value(rank, threads) }
      }
    }
  }

  /// Runs `body` for ranges that together are all of the store's flat buffers.
  func overRanges<Result: Sendable>(
    _ body: @Sendable (ParameterStore, Range<Int>) -> Result
  ) -> [Result] {
    let ranges = parameters.flatRanges(lanes)
    let workers = workers
    let results = Slots<Result>(lanes)
    forEachLane { results.set($0, to: body(workers.parameters, ranges[$0])) }
    return results.values
  }

  /// √Σ g² over all gradients.
  func gradientNorm() -> Float {
    Float(overRanges { $0.sumOfSquaredGradients(in: $1) }.reduce(0, +).squareRoot())
  }
}

/// A closure that threads may call at once, as whoever wraps it promises.
private struct Shared<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}

/// Results by index. `@unchecked Sendable`: each place is written by one thread, and read when all
/// threads are done.
private final class Slots<Value: Sendable>: @unchecked Sendable {
  private let memory: UnsafeMutableBufferPointer<Value?>

  init(_ count: Int) {
    memory = .allocate(capacity: count)
    memory.initialize(repeating: nil)
  }

  deinit {
    memory.deinitialize()
    memory.deallocate()
  }

  func set(_ index: Int, to value: Value) { memory[index] = value }

  var values: [Value] { memory.map { $0! } }
}
