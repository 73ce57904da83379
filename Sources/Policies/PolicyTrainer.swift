import Collectives
import Episodes
import Networks
import RecapAlgorithm
import Tensors

/// Trains a policy on a labelled dataset (paper, Equation 3): each step draws frames uniformly and
/// descends subtask cross-entropy + action-token cross-entropy + α × flow-matching error.
///
/// A frame's indicator is its label's text, or always "positive" where there are no labels (the SFT
/// stage), left out with a probability so that the same network is the unconditional policy. The
/// flow-matching error counts alike for all actions, or as `ActionWeighting` says.
public final class PolicyTrainer {
  private let policy: Policy
  private var batches: PolicyBatches
  /// Episodes that are not trained on; nil where there are none.
  private let heldOut: PolicyBatches?
  /// Frames of those to measure on, a batch at a time.
  private let validationFrames: [[Int]]
  private let settings: TrainingSettings
  private let indicatorDropout: Double
  private let weights: FrameWeights
  private let optimization: Optimization
  private var random: RandomSource

  /// - Parameters:
  ///   - policy: Trained in place.
  ///   - examples: Of the policy's embodiment and tasks.
  ///   - heldOut: Examples to measure on; nil for none.
  ///   - settings: How long and how fast.
  ///   - indicatorDropout: In [0, 1].
  ///   - weighting: What each action's flow-matching error counts. All but `.uniform` need labels.
  ///   - threads: Threads to share the work out to; more than two round otherwise.
  ///   - communicator: The ranks that train it together, each with an equal policy and the same of all
  ///     else: each works on its share of every batch. Nil for this process alone.
  ///   - seed: Of batches, noise and dropout.
  /// - Throws: `PolicyError` for examples that the policy cannot read, or settings out of range.
  public init(
    policy: Policy, examples: TrainingExamples, heldOut: TrainingExamples? = nil,
    settings: TrainingSettings, indicatorDropout: Double, weighting: ActionWeighting = .uniform,
    threads: Int = 1, communicator: (any Communicator)? = nil, seed: UInt64
  ) throws {
    guard (0...1).contains(indicatorDropout) else {
      throw PolicyError.settings("indicatorDropout is \(indicatorDropout); it must be in 0…1")
    }
    self.policy = policy
    self.settings = settings
    self.indicatorDropout = indicatorDropout
    batches = try PolicyBatches(examples, for: policy)
    self.heldOut = try heldOut.map { try PolicyBatches($0, for: policy) }
    validationFrames = heldOut?.validationBatches() ?? []
    weights = try FrameWeights(weighting, examples: examples, policy: policy, threads: threads)
    optimization = try Optimization(
      policy.store, settings, tokensPerSample: policy.network.layout.count, threads: threads,
      communicator: communicator)
    random = RandomSource(seed: seed, stream: "policy training")
  }

  /// One gradient step.
  ///
  /// - Returns: "loss", its parts "flow loss", "action loss" and "subtask loss" (absent where no
  ///   frame of the batch has one), "gradient norm" before clipping, "learning rate".
  /// - Throws: `PolicyError.diverged` when the loss or its gradient is not finite.
  public func step() throws -> [String: Double] {
    let frames = batches.examples.sample(settings.batchSize, using: &random)
    let targets = weights.weighed(
      targets(of: frames), of: frames, in: batches.columns,
      own: optimization.ownSamples(of: frames.count))
    let totals = targets.totals
    let (network, inputs, columns) = (policy.network, policy.inputs, batches.columns)
    let noise = StateNoise(deviation: settings.stateNoise, using: &random)
    let step = try optimization.step(samples: frames.count) { tape, samples in
      var batch = inputs.batch(of: Array(frames[samples]), in: columns)
      batch.add(noise, first: samples.lowerBound)
      let losses = network.losses(
        tape, batch, targets.slice(samples, of: frames.count), totals: totals)
      return (losses.total, [losses.total, losses.flow, losses.action] + losses.subtasks)
    }
    var metrics = step.metrics
    metrics["flow loss"] = step.parts[1]
    metrics["action loss"] = step.parts[2]
    if totals.subtasks > 0 { metrics["subtask loss"] = step.parts[3] }
    return metrics
  }

  /// Draws frames as a step does and gathers what the network reads of them, the actions included, for a
  /// benchmark of the way to the data: nothing is trained.
  ///
  /// - Returns: Bytes that were gathered.
  package func drawInputs(_ count: Int) -> Int {
    let frames = batches.examples.sample(count, using: &random)
    let batch = policy.inputs.batch(of: frames, in: batches.columns)
    let numbers =
      batch.patches.count + batch.proprioception.count + batch.environmentState.count
      + batches.actions(of: frames).count
    return numbers * MemoryLayout<Float>.size
  }

  /// Puts the averaged weights into the policy. Call once, after the last step.
  public func finish() { optimization.finish() }

  /// Bytes of pooled memory: constant once all shapes have been seen.
  var pooledBytes: Int { optimization.pooledBytes }

  /// Gradient steps taken.
  public var stepsDone: Int { optimization.stepsDone }

  /// How long steps have waited for the gradients of other ranks when their own were done.
  public var waited: Duration { optimization.waited }

  /// The state from which the training goes on exactly, after any step before `finish`.
  public func state() throws -> [UInt8] { try optimization.state(random: random) }

  /// Goes on from a state of the same model, examples, settings and seed.
  ///
  /// - Throws: `PolicyError.trainingState` or `SafetensorsError`; nothing has changed then.
  public func restore(_ state: [UInt8]) throws { random = try optimization.restore(state) }

  /// The losses on the held-out episodes' frames as the weights are now, without noise on their states
  /// and always the same draws: "validation loss" and its parts; empty where none are held out.
  public func validationMetrics() throws -> [String: Double] {
    guard var heldOut else { return [:] }
    var random = RandomSource(seed: 0, stream: "policy validation")
    var sums: [Double] = [0, 0, 0]
    for frames in validationFrames {
      let targets = heldOut.targets(of: frames, indicatorDropout: 0, using: &random)
      policy.tape.reset(recording: false)
      let losses = policy.network.losses(
        policy.tape, policy.inputs.batch(of: frames, in: heldOut.columns), targets)
      for (part, loss) in [losses.total, losses.flow, losses.action].enumerated() {
        sums[part] += Double(policy.tape.scalar(loss)) * Double(frames.count)
      }
    }
    let count = Double(validationFrames.reduce(0) { $0 + $1.count })
    return [
      "validation loss": sums[0] / count, "validation flow loss": sums[1] / count,
      "validation action loss": sums[2] / count,
    ]
  }

  func targets(of frames: [Int]) -> PolicyNetwork.Targets {
    batches.targets(of: frames, indicatorDropout: indicatorDropout, using: &random)
  }
}
