import Collectives
import Networks
import Tensors

/// A reference network with its optimiser and one fixed batch.
final class ReferenceTraining {
  enum Network: Sendable {
    case policy(ReferencePolicy)
    case value(ReferenceValueNetwork)
  }

  let model: ReferenceModel
  let store = ParameterStore(seed: 0)
  let network: Network
  let workers: DataParallel
  private let optimizer: AdamW
  private let batch: ReferenceBatch
  private let sliceSize: Int

  init(
    _ model: ReferenceModel, samples: Int, threads: Int, sliceSize: Int?,
    communicator: (any Communicator)? = nil, overlapsSums: Bool = true
  ) {
    self.model = model
    network = ReferenceTraining.network(store, model)
    ReferenceParameters.fill(store, of: model)
    workers = DataParallel(
      store, threads: threads, communicator: communicator, overlapsSums: overlapsSums)
    optimizer = AdamW(store)
    batch = ReferenceBatch(count: samples)
    // Few samples stay in the caches; with large matrices a product wants more rows.
    self.sliceSize = sliceSize ?? (store.count > 4_000_000 ? 16 : 4)
  }

  static func network(_ store: ParameterStore, _ model: ReferenceModel) -> Network {
    model.isPolicy
      ? .policy(ReferencePolicy(store, model)) : .value(ReferenceValueNetwork(store, model))
  }

  /// One training step: forward, backward, AdamW.
  ///
  /// - Returns: The losses before it: cross-entropy, and squared error for a policy.
  func step() -> [Float] {
    let (network, batch) = (network, batch)
    let losses = workers.gradients(samples: batch.count, sliceSize: sliceSize) { tape, samples in
      switch network {
      case .policy(let policy):
        let losses = policy.losses(tape, batch, samples)
        return (
          losses.total, [tape.scalar(losses.crossEntropy), tape.scalar(losses.squaredError)]
        )
      case .value(let value):
        let loss = value.loss(tape, batch, samples)
        return (loss, [tape.scalar(loss)])
      }
    }
    optimizer.step(learningRate: 3e-4, weightDecay: 0.01, workers: workers)
    return losses.dropFirst().reduce(losses[0]) { zip($0, $1).map(+) }
  }
}
