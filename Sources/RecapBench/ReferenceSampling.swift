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
  private let batch: ReferenceBatch
  private let unconditional: ReferenceBatch
  private let isGuided: Bool

  init(_ model: ReferenceModel, samples: Int, threads: Int, isGuided: Bool) {
    network = ReferenceTraining.network(store, model)
    ReferenceParameters.fill(store, of: model)
    workers = DataParallel(store, threads: threads)
    batch = ReferenceBatch(count: samples)
    unconditional = batch.withoutIndicator()
    self.isGuided = isGuided
  }

  /// Actions [B, 16, 8], or logits [B, 201] of a value network.
  func run() -> [Float] {
    let (network, batch, unconditional, isGuided) = (network, batch, unconditional, isGuided)
    let slice = (batch.count + workers.threads - 1) / workers.threads
    return workers.run(samples: batch.count, sliceSize: slice) { tape, samples in
      tape.reset(recording: false)
      switch network {
      case .policy(let policy):
        return Self.actions(
          tape, policy, batch, isGuided ? unconditional : nil, samples)
      case .value(let value):
        return tape.value(value.logits(tape, batch, samples))
      }
    }.flatMap { $0 }
  }

  private static func actions(
    _ tape: Tape, _ policy: ReferencePolicy, _ batch: ReferenceBatch,
    _ unconditional: ReferenceBatch?, _ samples: Range<Int>
  ) -> [Float] {
    let width = Batch.chunkLength * Batch.actionWidth
    let shape = [samples.count, Batch.chunkLength, Batch.actionWidth]
    var actions = batch.noise.samples(samples, width: width)
    let conditioned = policy.prefix(tape, batch, samples)
    let free = unconditional.map { policy.prefix(tape, $0, samples) }
    for step in 0..<eulerSteps {
      let time = policy.timeEmbedding(tape, [Float(step) / Float(eulerSteps)])
      let noised = tape.constant(shape, actions)
      var velocity = tape.value(policy.velocity(tape, noised, time: time, seen: conditioned))
      if let free {
        let other = tape.value(policy.velocity(tape, noised, time: time, seen: free))
        for index in velocity.indices {
          velocity[index] = other[index] + guidance * (velocity[index] - other[index])
        }
      }
      for index in actions.indices { actions[index] += velocity[index] / Float(eulerSteps) }
    }
    return actions
  }
}
