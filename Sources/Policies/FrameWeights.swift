import Networks
import RecapAlgorithm
import Tensors

/// What each frame's flow-matching error counts in training.
struct FrameWeights {
  private enum Rule {
    case uniform
    /// [frames], of mean 1
    case weights([Float])
    /// A in standard deviations, [frames]
    case trustRegion(size: Float, advantages: [Float], reference: FrozenPolicy)
  }

  private let rule: Rule

  /// - Parameters:
  ///   - policy: As it is before training: a trust region lies around it.
  ///   - threads: For the passes through that policy.
  /// - Throws: `PolicyError.examples` where the rule reads advantages and an episode has none.
  init(
    _ weighting: ActionWeighting, examples: TrainingExamples, policy: Policy, threads: Int
  ) throws {
    func standardized() throws -> [Float] {
      guard let advantages = examples.advantages else {
        throw PolicyError.examples(
          "actions are to be weighed by advantage, but some have no labels")
      }
      return AdvantageWeights.standardized(advantages, positives: examples.positives)
    }
    switch weighting {
    case .uniform:
      rule = .uniform
    case .advantage(let temperature, let limit):
      rule = .weights(
        AdvantageWeights.regression(
          try standardized(), temperature: temperature, limit: limit))
    case .trustRegion(let size):
      rule = .trustRegion(
        size: size, advantages: try standardized(),
        reference: try FrozenPolicy(policy, threads: threads))
    }
  }

  /// A batch's targets with the rule in them.
  ///
  /// - Parameter own: The samples that this rank works on; what takes the network's passes is 0 for others.
  func weighed(
    _ targets: PolicyNetwork.Targets, of frames: [Int], in columns: ObservationColumns,
    own: Range<Int>
  ) -> PolicyNetwork.Targets {
    var targets = targets
    switch rule {
    case .uniform:
      break
    case .weights(let weights):
      let size = targets.weights.count / frames.count
      for (sample, frame) in frames.enumerated() {
        for place in sample * size..<(sample + 1) * size {
          targets.weights[place] *= weights[frame]
        }
      }
    case .trustRegion(let size, let advantages, let reference):
      let errors = reference.halfSquaredErrors(
        targets.slice(own, of: frames.count), of: Array(frames[own]), in: columns)
      var all = [Float](repeating: 0, count: frames.count)
      all.replaceSubrange(own, with: errors)
      targets.trustRegion = PolicyNetwork.TrustRegion(
        size: size, advantages: frames.map { advantages[$0] }, reference: all)
    }
    return targets
  }
}

/// A policy as it was when training began.
private final class FrozenPolicy {
  /// Samples that go through the network at a time.
  private static let sliceSize = 8

  private let policy: Policy
  private let workers: DataParallel

  init(_ policy: Policy, threads: Int) throws {
    self.policy = try Policy(checkpoint: policy.checkpoint())
    workers = DataParallel(self.policy.store, threads: max(1, threads))
  }

  /// ½ Σ w (v − (a − ω))² of each sample, for the same noise and flow times.
  func halfSquaredErrors(
    _ targets: PolicyNetwork.Targets, of frames: [Int], in columns: ObservationColumns
  ) -> [Float] {
    let (network, inputs) = (policy.network, policy.inputs)
    let slices = workers.run(samples: frames.count, sliceSize: Self.sliceSize) { tape, samples in
      tape.reset(recording: false)
      let own = targets.slice(samples, of: frames.count)
      let outputs = network.outputs(
        tape, inputs.batch(of: Array(frames[samples]), in: columns), own)
      return tape.halfSquaredErrors(
        outputs.velocity, target: own.velocities, weights: own.weights, samples: samples.count)
    }
    return slices.flatMap { $0 }
  }
}
