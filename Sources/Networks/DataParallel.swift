import Tensors

/// Works on the samples of a batch in slices, several at once: each thread has a tape and gradients
/// of its own over the shared parameters.
///
///     let workers = DataParallel(store, threads: 2)
///     let losses = workers.gradients(samples: 32, sliceSize: 4) { tape, samples in
///       let loss = network.loss(tape, batch, samples)  // with the whole batch's `total`
///       return (loss, tape.scalar(loss))
///     }
///     optimizer.step(learningRate: 3e-4, workers: workers)
///
/// Slices also keep what a pass touches in the caches. Thread t has the t-th part of the slices and
/// takes them in order, and gradients are summed in the order of threads: equal slices on equally
/// many threads give equal results, bit for bit.
///
/// Not Sendable, as the store is not; one actor owns both. The closures run on the team's threads
/// while that actor waits in the call, which is why the tapes may be handed to them.
public final class DataParallel {
  public let parameters: ParameterStore
  private let team: ThreadTeam
  private let workers: Workers

  /// `@unchecked Sendable`: a thread touches only the tape and gradients of its own rank.
  private struct Workers: @unchecked Sendable {
    let parameters: ParameterStore
    let tapes: [Tape]
    /// Of all threads but the first, which uses the store's.
    let gradients: [ParameterVector]
  }

  /// For the parameters that `parameters` has now.
  public init(_ parameters: ParameterStore, threads: Int) {
    self.parameters = parameters
    team = ThreadTeam(count: threads)
    let gradients = (1..<max(threads, 1)).map { _ in ParameterVector(zerosFor: parameters) }
    workers = Workers(
      parameters: parameters,
      tapes: [Tape(parameters)] + gradients.map { Tape(parameters, gradients: $0) },
      gradients: gradients)
  }

  public var threads: Int { team.count }

  /// Bytes of the tapes' pooled memory.
  public var pooledBytes: Int { workers.tapes.reduce(0) { $0 + $1.pooledBytes } }

  /// `count` samples in slices of at most `size`, as equal as can be and equally many for each
  /// thread where there are enough samples.
  public func slices(of count: Int, size: Int) -> [Range<Int>] {
    precondition(count > 0 && size > 0, "expected samples, got \(count) in slices of \(size)")
    let least = (count + size - 1) / size
    let slices = min((least + threads - 1) / threads * threads, count)
    return (0..<slices).map { count * $0 / slices..<count * ($0 + 1) / slices }
  }

  /// Runs `body` for every slice of `count` samples.
  ///
  /// - Parameter body: Takes a tape, which it resets, and the samples. Nothing it makes on the tape
  ///   may leave it.
  /// - Returns: Results in the order of slices.
  public func run<Result: Sendable>(
    samples count: Int, sliceSize: Int, _ body: @Sendable (Tape, Range<Int>) -> Result
  ) -> [Result] {
    let slices = slices(of: count, size: sliceSize)
    let threads = threads
    let workers = workers
    let results = Slots<Result>(slices.count)
    packWeights(backward: false)
    team.run { rank in
      for index in slices.count * rank / threads..<slices.count * (rank + 1) / threads {
        results.set(index, to: body(workers.tapes[rank], slices[index]))
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
    let threads = threads
    let workers = workers
    let results = Slots<Result>(slices.count)
    packWeights(backward: true)
    team.run { rank in
      let tape = workers.tapes[rank]
      if rank == 0 {
        workers.parameters.zeroGradients()
      } else {
        workers.gradients[rank - 1].setToZero()
      }
      for index in slices.count * rank / threads..<slices.count * (rank + 1) / threads {
        tape.reset(recording: true)
        let (loss, result) = loss(tape, slices[index])
        tape.backward(from: loss)
        results.set(index, to: result)
      }
    }
    if threads > 1 {
      _ = overRanges { $0.addGradients(workers.gradients, in: $1) }
    }
    return results.values
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
    let ranges = parameters.flatRanges(threads)
    let workers = workers
    let results = Slots<Result>(threads)
    team.run { rank in results.set(rank, to: body(workers.parameters, ranges[rank])) }
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
