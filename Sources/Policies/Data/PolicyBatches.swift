import Episodes
import Foundation
import RecapAlgorithm
import Tensors

/// A dataset as a policy reads it: observations as columns, and for any frames what the network is to
/// predict.
struct PolicyBatches {
  let examples: TrainingExamples
  let columns: ObservationColumns
  private let chunks: ActionChunks
  private var actionTokens: ActionTokens
  /// [frames], indices into the known subtask texts, −1 where not known
  private let subtasks: [Int32]
  private let settings: PolicySettings
  private let prompts: Prompts
  private let actionWidth: Int

  /// - Throws: `PolicyError` for examples that the policy cannot read.
  init(_ examples: TrainingExamples, for policy: Policy) throws {
    self.examples = examples
    columns = try policy.inputs.columns(of: examples)
    chunks = ActionChunks(
      episodes: examples.episodes, scaler: policy.actionScaler,
      length: policy.settings.chunkLength)
    actionTokens = ActionTokens(
      chunks, policy.actionTokenizer, slots: policy.network.shape.actionSlots)
    subtasks = try Self.subtasks(examples, policy.inputs.prompts)
    settings = policy.settings
    prompts = policy.inputs.prompts
    actionWidth = policy.embodiment.actionWidth
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

  /// The chunks of scaled actions that begin at some frames, [frames, chunk length, action width].
  func actions(of frames: [Int]) -> [Float] {
    var actions: [Float] = []
    actions.reserveCapacity(frames.count * chunks.length * chunks.width)
    for frame in frames { chunks.append(from: frame, to: &actions) }
    return actions
  }

  /// Gathers what the network is to predict for some frames, and draws noise, flow times and
  /// dropout.
  ///
  /// - Parameter indicatorDropout: In [0, 1].
  mutating func targets(
    of frames: [Int], indicatorDropout: Double, using random: inout RandomSource
  ) -> PolicyNetwork.Targets {
    let size = settings.chunkLength * actionWidth
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
        dropout: settings.actionTokens.inputDropout, using: &random)
      let time = flowTime(&random)
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
  private func flowTime(_ random: inout RandomSource) -> Float {
    let share = pow(1 - random.uniform(), 1 / settings.noiseEmphasis)
    return 1 - (0.001 + 0.999 * share)
  }
}
