import Episodes
import Foundation
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
  private let examples: TrainingExamples
  private let columns: ObservationColumns
  private let chunks: ActionChunks
  private var actionTokens: ActionTokens
  /// [frames], indices into the known subtask texts, −1 where not known
  private let subtasks: [Int32]
  private let settings: TrainingSettings
  private let indicatorDropout: Double
  private let weights: FrameWeights
  private let optimization: Optimization
  private var random: RandomSource

  /// - Parameters:
  ///   - policy: Trained in place.
  ///   - examples: Of the policy's embodiment and tasks.
  ///   - settings: How long and how fast.
  ///   - indicatorDropout: In [0, 1].
  ///   - weighting: What each action's flow-matching error counts. All but `.uniform` need labels.
  ///   - threads: Threads to share the work out to; more than two round otherwise.
  ///   - seed: Of batches, noise and dropout.
  /// - Throws: `PolicyError` for examples that the policy cannot read, or settings out of range.
  public init(
    policy: Policy, examples: TrainingExamples, settings: TrainingSettings,
    indicatorDropout: Double, weighting: ActionWeighting = .uniform, threads: Int = 1,
    seed: UInt64
  ) throws {
    guard (0...1).contains(indicatorDropout) else {
      throw PolicyError.settings("indicatorDropout is \(indicatorDropout); it must be in 0…1")
    }
    self.policy = policy
    self.examples = examples
    self.settings = settings
    self.indicatorDropout = indicatorDropout
    columns = try policy.inputs.columns(of: examples)
    chunks = ActionChunks(
      episodes: examples.episodes, scaler: policy.actionScaler,
      length: policy.settings.chunkLength)
    actionTokens = ActionTokens(
      chunks, policy.actionTokenizer, slots: policy.network.shape.actionSlots)
    subtasks = try Self.subtasks(examples, policy.inputs.prompts)
    weights = try FrameWeights(weighting, examples: examples, policy: policy, threads: threads)
    optimization = try Optimization(
      policy.store, settings, tokensPerSample: policy.network.layout.count, threads: threads)
    random = RandomSource(seed: seed, stream: "policy training")
  }

  private static func subtasks(
    _ examples: TrainingExamples, _ prompts: Prompts
  ) throws(PolicyError) -> [Int32] {
    var subtasks: [Int32] = []
    subtasks.reserveCapacity(examples.count)
    for episode in examples.episodes {
      let task = episode.metadata.task
      let known = try prompts.subtaskIndices(of: task)
      for subtask in episode.subtasks {
        guard subtask < known.count else {
          throw .unknownSubtask(index: Int(subtask), task: task.name, known: task.subtasks)
        }
        subtasks.append(subtask < 0 ? -1 : Int32(known[Int(subtask)]))
      }
    }
    return subtasks
  }

  /// One gradient step.
  ///
  /// - Returns: "loss", its parts "flow loss", "action loss" and "subtask loss" (absent where no
  ///   frame of the batch has one), "gradient norm" before clipping, "learning rate".
  /// - Throws: `PolicyError.diverged` when the loss or its gradient is not finite.
  public func step() throws -> [String: Double] {
    let frames = examples.sample(settings.batchSize, using: &random)
    let targets = weights.weighed(targets(of: frames), of: frames, in: columns)
    let totals = targets.totals
    let (network, inputs, columns) = (policy.network, policy.inputs, columns)
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
    let frames = examples.sample(count, using: &random)
    let batch = policy.inputs.batch(of: frames, in: columns)
    var actions: [Float] = []
    actions.reserveCapacity(count * chunks.length * chunks.width)
    for frame in frames { chunks.append(from: frame, to: &actions) }
    let numbers =
      batch.patches.count + batch.proprioception.count + batch.environmentState.count
      + actions.count
    return numbers * MemoryLayout<Float>.size
  }

  /// Puts the averaged weights into the policy. Call once, after the last step.
  public func finish() { optimization.finish() }

  /// Bytes of pooled memory: constant once all shapes have been seen.
  var pooledBytes: Int { optimization.pooledBytes }

  /// Gradient steps taken.
  public var stepsDone: Int { optimization.stepsDone }

  /// The state from which the training goes on exactly, after any step before `finish`.
  public func state() throws -> [UInt8] { try optimization.state(random: random) }

  /// Goes on from a state of the same model, examples, settings and seed.
  ///
  /// - Throws: `PolicyError.trainingState` or `SafetensorsError`; nothing has changed then.
  public func restore(_ state: [UInt8]) throws { random = try optimization.restore(state) }

  /// Gathers what the network is to predict for some frames, and draws noise, flow times and
  /// dropout.
  func targets(of frames: [Int]) -> PolicyNetwork.Targets {
    let prompts = policy.inputs.prompts
    let size = policy.settings.chunkLength * policy.embodiment.actionWidth
    var targets = PolicyNetwork.Targets()
    targets.times.reserveCapacity(frames.count)
    for reserved in [\PolicyNetwork.Targets.noised, \.velocities, \.weights] {
      targets[keyPath: reserved].reserveCapacity(frames.count * size)
    }
    var chunk: [Float] = []
    chunk.reserveCapacity(size)
    for frame in frames {
      let subtask = subtasks[frame]
      targets.subtaskTokens += prompts.subtask(Int(subtask))
      targets.subtaskTargets += prompts.subtaskTargets(Int(subtask))
      let indicator = AdvantageIndicator(isPositive: examples.positives[frame])
        .dropped(withProbability: indicatorDropout, using: &random)
      targets.indicatorTokens += prompts.indicator(indicator)
      chunk.removeAll(keepingCapacity: true)
      chunks.append(from: frame, to: &chunk)
      chunks.appendWeights(from: frame, to: &targets.weights)
      actionTokens.append(
        from: frame, to: &targets.actionTokens, targets: &targets.actionTargets,
        dropout: policy.settings.actionTokens.inputDropout, using: &random)
      let time = flowTime()
      targets.times.append(time)
      for action in chunk {
        let noise = random.normal()
        targets.noised.append(time * action + (1 - time) * noise)
        targets.velocities.append(action - noise)
      }
    }
    return targets
  }

  /// η = 1 − t with t ~ Beta(b, 1), kept off η = 1, where nothing is left to learn.
  private func flowTime() -> Float {
    let share = pow(1 - random.uniform(), 1 / policy.settings.noiseEmphasis)
    return 1 - (0.001 + 0.999 * share)
  }
}
