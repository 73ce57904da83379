import Collectives
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
/// With a communicator, the ranks of its group share the batch out: lanes are those of all ranks together, each of which
/// has the same parameters, works on its own lanes' slices and then holds the gradients of the whole batch. So two ranks
/// of one thread give what one rank with two threads gives, bit for bit; more may sum in another order.
///
/// Not Sendable, as the store is not; one actor owns both. The closures run on the team's threads
/// while that actor waits in the call, which is why the tapes may be handed to them.
public final class DataParallel {
  public let parameters: ParameterStore
  /// The other ranks; nil where there are none.
  let communicator: (any Communicator)?
  private let team: ThreadTeam
  private let workers: Workers
  /// Lanes of all ranks.
  private let lanes: Int
  /// Those of this one.
  private let ownLanes: Range<Int>
  private let overlapsSums: Bool
  /// For tests: numbers that are summed over ranks at a time.
  var bucketSize = GradientReduction.bucketSize
  /// How long `gradients` has waited for other ranks' gradients when its own were done.
  public private(set) var waited = Duration.zero

  /// `@unchecked Sendable`: a thread touches only the tapes and gradients of its own lanes.
  private struct Workers: @unchecked Sendable {
    let parameters: ParameterStore
    /// Of this rank's lanes.
    let tapes: [Tape]
    /// Of all this rank's lanes but the first, which uses the store's.
    let gradients: [ParameterVector]
  }

  /// For the parameters that `parameters` has now.
  ///
  /// - Parameters:
  ///   - threads: Of each rank, the same number on all.
  ///   - communicator: The ranks that work together; nil for this one alone.
  ///   - overlapsSums: Whether gradients are summed over ranks during the backward pass, as they should be; false
  ///     measures what that gains.
  public init(
    _ parameters: ParameterStore, threads: Int, communicator: (any Communicator)? = nil,
    overlapsSums: Bool = true
  ) {
    self.parameters = parameters
    self.overlapsSums = overlapsSums
    let (rank, ranks) = (communicator?.rank ?? 0, communicator?.count ?? 1)
    self.communicator = ranks > 1 ? communicator : nil
    lanes = max(ranks * threads, 2)
    ownLanes = lanes * rank / ranks..<lanes * (rank + 1) / ranks
    team = ThreadTeam(count: threads)
    let gradients = ownLanes.dropFirst().map { _ in ParameterVector(zerosFor: parameters) }
    workers = Workers(
      parameters: parameters,
      tapes: ([nil] + gradients).map {
        Tape(parameters, gradients: $0, packsWeights: false)
      },
      gradients: gradients)
  }

  public var threads: Int { team.count }

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

  /// The slices, among `count`, of some lanes.
  private func slices(of some: Range<Int>, among count: Int) -> Range<Int> {
    count * some.lowerBound / lanes..<count * some.upperBound / lanes
  }

  /// The samples that this rank works on, of a batch of `count` in slices of at most `size`.
  public func ownSamples(of count: Int, sliceSize size: Int) -> Range<Int> {
    let slices = slices(of: count, size: size)
    let own = slices[self.slices(of: ownLanes, among: slices.count)]
    return own.isEmpty ? 0..<0 : own[own.startIndex].lowerBound..<own[own.endIndex - 1].upperBound
  }

  /// Runs `body` for every slice of `count` samples that is this rank's, for passes without gradient.
  ///
  /// - Parameter body: Takes a tape, which it resets, and the samples. Nothing it makes on the tape
  ///   may leave it.
  /// - Returns: Results in the order of slices.
  public func run<Result: Sendable>(
    samples count: Int, sliceSize: Int, _ body: @Sendable (Tape, Range<Int>) -> Result
  ) -> [Result] {
    let slices = slices(of: count, size: sliceSize)
    let own = self.slices(of: ownLanes, among: slices.count)
    let workers = workers
    let results = Slots<Result>(own.count)
    packWeights(backward: false)
    forEachLane(slices: slices.count) { lane, indices in
      for index in indices {
        results.set(index - own.lowerBound, to: body(workers.tapes[lane], slices[index]))
      }
    }
    return results.values
  }

  /// Sums the gradients of all slices' losses into the store's gradients, which start at zero: those of all ranks.
  ///
  /// - Parameter loss: Takes a tape, reset for recording, and the samples of one slice. Returns
  ///   the slice's share in the batch's loss, a scalar, and whatever the caller wants to know.
  /// - Returns: What `loss` returned besides, in the order of this rank's slices.
  public func gradients<Result: Sendable>(
    samples count: Int, sliceSize: Int,
    _ loss: @Sendable (Tape, Range<Int>) -> (loss: Variable, result: Result)
  ) -> [Result] {
    let slices = slices(of: count, size: sliceSize)
    let own = self.slices(of: ownLanes, among: slices.count)
    let workers = workers
    let results = Slots<Result>(own.count)
    let reduction = communicator.map {
      GradientReduction(
        parameters, lanes: workers.gradients, communicator: $0, bucketSize: bucketSize)
    }
    let early = overlapsSums ? reduction : nil
    packWeights(backward: true)
    forEachLane(slices: slices.count) { lane, indices in
      let tape = workers.tapes[lane]
      if lane == 0 {
        workers.parameters.zeroGradients()
      } else {
        workers.gradients[lane - 1].setToZero()
      }
      for index in indices {
        tape.reset(recording: true)
        let (loss, result) = loss(tape, slices[index])
        let isLast = index == indices.upperBound - 1
        tape.backward(from: loss, whenFinal: isLast ? early.map { $0.finish } : nil)
        results.set(index - own.lowerBound, to: result)
      }
      if indices.isEmpty { early?.finishAll() }
    }
    if let reduction {
      let start = ContinuousClock.now
      if early == nil { workers.tapes.forEach { _ in reduction.finishAll() } }
      reduction.wait()
      waited += .now - start
    } else {
      _ = overRanges { $0.addGradients(workers.gradients, in: $1) }
    }
    return results.values
  }

  /// Runs `body` for each of this rank's lanes.
  ///
  /// - Parameters:
  ///   - count: Slices in all.
  ///   - body: Takes the lane's number among this rank's, and which slices are its own.
  private func forEachLane(slices count: Int, _ body: @Sendable (Int, Range<Int>) -> Void) {
    let (own, lanes, threads) = (ownLanes, lanes, threads)
    team.run { part in
      for lane in own.count * part / threads..<own.count * (part + 1) / threads {
        let number = own.lowerBound + lane
        body(lane, count * number / lanes..<count * (number + 1) / lanes)
      }
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
    let (lanes, threads) = (lanes, threads)
    team.run { part in
      for index in lanes * part / threads..<lanes * (part + 1) / threads {
        results.set(index, to: body(workers.parameters, ranges[index]))
      }
    }
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
