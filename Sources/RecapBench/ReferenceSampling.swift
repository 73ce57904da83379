import Networks
import Tensors

/// A reference network that answers a batch of observations.
final class ReferenceSampling {
  typealias Batch = ReferenceBatch
  static let eulerSteps = 5
  static let guidance: Float = 2

  private let store = ParameterStore(seed: 0)
  private let network: ReferenceTraining.Network
  private let workers: DataParallel
  /// For fewer samples than threads: all threads work on each operation.
  private let tape: Tape
  private let batch: ReferenceBatch
  private let unconditional: ReferenceBatch?

  init(_ model: ReferenceModel, samples: Int, threads: Int, isGuided: Bool) {
    network = ReferenceTraining.network(store, model)
    ReferenceParameters.fill(store, of: model)
    workers = DataParallel(store, threads: threads)
    tape = Tape(store, team: ThreadTeam(count: threads))
    batch = ReferenceBatch(count: samples)
    unconditional = isGuided ? batch.withoutIndicator() : nil
  }

  /// Actions [B, 16, 8], or logits [B, 201] of a value network.
  func run() -> [Float] { run(batch, unconditional) }

  /// The same of another batch.
  func run(_ batch: ReferenceBatch, _ unconditional: ReferenceBatch? = nil) -> [Float] {
    let network = network
    guard batch.count >= workers.threads else {
      return Self.answer(tape, network, batch, unconditional, 0..<batch.count)
    }
    let slice = (batch.count + workers.threads - 1) / workers.threads
    return workers.run(samples: batch.count, sliceSize: slice) { tape, samples in
      Self.answer(tape, network, batch, unconditional, samples)
    }.flatMap { $0 }
  }

  private static func answer(
    _ tape: Tape, _ network: ReferenceTraining.Network, _ batch: ReferenceBatch,
    _ unconditional: ReferenceBatch?, _ samples: Range<Int>
  ) -> [Float] {
    tape.reset(recording: false)
    switch network {
    case .policy(let policy):
      return actions(tape, policy, batch, unconditional, samples)
    case .value(let value):
      return tape.value(value.logits(tape, batch, samples))
    }
  }

  /// Guidance reads every sample twice, in one pass: first as it is, then without its indicator.
  private static func actions(
    _ tape: Tape, _ policy: ReferencePolicy, _ batch: ReferenceBatch,
    _ unconditional: ReferenceBatch?, _ samples: Range<Int>
  ) -> [Float] {
    let width = Batch.chunkLength * Batch.actionWidth
    let copies = unconditional == nil ? 1 : 2
    var actions = batch.noise.samples(samples, width: width)
    let seen = policy.prefix(tape, [batch] + (unconditional.map { [$0] } ?? []), samples)
    for step in 0..<eulerSteps {
      let time = policy.timeEmbedding(tape, [Float(step) / Float(eulerSteps)])
      let noised = tape.constant(
        [copies * samples.count, Batch.chunkLength, Batch.actionWidth],
        copies == 1 ? actions : actions + actions)
      let velocity = tape.value(policy.velocity(tape, noised, time: time, seen: seen))
      for index in actions.indices {
        var change = velocity[index]
        if copies == 2 {
          let free = velocity[actions.count + index]
          change = free + guidance * (change - free)
        }
        actions[index] += change / Float(eulerSteps)
      }
    }
    return actions
  }
}
