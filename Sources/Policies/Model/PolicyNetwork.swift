import Networks
import Tensors

/// The advantage-conditioned policy (paper, Section V): a backbone that reads the observation and
/// writes text and action tokens, and an action expert that reads the backbone. All equations are in
/// Documentation/Model.md.
///
/// Reading order: camera patches, task text, proprioception and environment state see each other;
/// then subtask, indicator and FAST action tokens, each seeing what stands before it.
///
/// The indicator comes after the subtask, so the subtask's likelihood does not depend on it, and
/// before both forms of action. Letters as for `ActionExpert` and `ModelShape`.
struct PolicyNetwork: Sendable {
  let shape: ModelShape
  let settings: PolicySettings
  let layout: TokenLayout
  let encoder: ObservationEncoder
  let actionTable: Parameter
  let backbone: Transformer
  /// nil where no task has subtasks.
  let subtaskHead: Linear?
  private let actionHead: Linear
  private let expert: ActionExpert

  enum Part: Int { case observation, subtask, indicator, actions }

  init(_ store: ParameterStore, shape: ModelShape, settings: PolicySettings) {
    self.shape = shape
    self.settings = settings
    let width = settings.backbone.width
    layout = TokenLayout([
      .observed(shape.observationTokens), .written(shape.subtaskSlots),
      .written(shape.indicatorSlots), .written(shape.actionSlots),
    ])
    encoder = ObservationEncoder(
      store, "encoder", shape, width: width, vision: settings.vision)
    actionTable = store.add(
      "fast_tokens", [shape.actionVocabulary, width], .normal(1), decays: false)
    backbone = Transformer(store, "backbone", settings.backbone)
    func head(_ name: String, _ outputs: Int) -> Linear {
      Linear(store, name, inputs: width, outputs: outputs, bias: false, initial: .zeros)
    }
    subtaskHead =
      shape.subtaskSlots > 0 ? head("subtask_head", shape.textVocabulary) : nil
    actionHead = head("fast_head", shape.actionVocabulary)
    expert = ActionExpert(
      store, "expert", settings, stateWidth: shape.proprioception + shape.environmentState,
      actionWidth: shape.action)
  }

  func range(_ part: Part) -> Range<Int> { layout.ranges[part.rawValue] }
  /// The tokens that the expert sees: all up to the one that begins the action tokens. That one's
  /// state is learnt to tell what comes, so it is worth seeing.
  var visible: Range<Int> { 0..<range(.actions).lowerBound + 1 }

  // MARK: Training

  /// What one gradient step reads, besides the observations. −1 as a target: nothing is predicted.
  struct Targets: Sendable {
    /// What stands in the subtask's places, [B, S], and the token that each is to predict.
    var subtaskTokens: [Int32] = []
    var subtaskTargets: [Int32] = []
    /// [B, I]
    var indicatorTokens: [Int32] = []
    /// What stands in the action tokens' places, [B, F], and the token that each is to predict.
    var actionTokens: [Int32] = []
    var actionTargets: [Int32] = []
    /// η, [B]
    var times: [Float] = []
    /// x_η, [B, H, A]
    var noised: [Float] = []
    /// a − ω, [B, H, A]
    var velocities: [Float] = []
    /// What each feature's error counts, 0 for steps past the end of the episode, [B, H, A]
    var weights: [Float] = []
    /// Nil where the flow-matching error itself is descended.
    var trustRegion: TrustRegion?

    /// Some samples of a batch of `count`.
    func slice(_ samples: Range<Int>, of count: Int) -> Targets {
      func slice<Element>(_ values: [Element]) -> [Element] {
        let width = values.count / count
        return Array(values[samples.lowerBound * width..<samples.upperBound * width])
      }
      return Targets(
        subtaskTokens: slice(subtaskTokens), subtaskTargets: slice(subtaskTargets),
        indicatorTokens: slice(indicatorTokens), actionTokens: slice(actionTokens),
        actionTargets: slice(actionTargets), times: slice(times), noised: slice(noised),
        velocities: slice(velocities), weights: slice(weights),
        trustRegion: trustRegion.map {
          TrustRegion(
            size: $0.size, advantages: slice($0.advantages), reference: slice($0.reference))
        })
    }

    var totals: Totals {
      Totals(
        subtasks: Float(subtaskTargets.count { $0 >= 0 }),
        actions: Float(actionTargets.count { $0 >= 0 }), flow: Float(weights.count { $0 > 0 }),
        chunks: Float(weights.count) / 2)
    }
  }

  /// What `Tape.trustRegionLoss` reads besides the velocities.
  struct TrustRegion: Sendable {
    /// ε
    var size: Float
    /// A in standard deviations, [B]
    var advantages: [Float]
    /// Half the squared errors of the policy that practised, [B]
    var reference: [Float]
  }

  /// What a batch's losses are means over: tokens that are predicted, and action features.
  struct Totals: Sendable {
    var subtasks: Float
    var actions: Float
    var flow: Float
    /// For a trust region: half a chunk's features for each sample, so that its gradient is, where it
    /// starts, that of the mean squared error times −A.
    var chunks: Float
  }

  /// The network's outputs in training.
  struct Outputs {
    /// [B × S, text vocabulary]; nil without subtasks.
    var subtaskLogits: Variable?
    /// [B × F, FAST vocabulary]
    var actionLogits: Variable
    /// [B, H, A]
    var velocity: Variable
  }

  /// The three losses of the paper's Equation 3, each a mean.
  struct Losses {
    /// −log p(subtask | o, ℓ) a token; empty where the batch has none, else one.
    var subtasks: [Variable]
    /// −log p(action tokens | o, ℓ, subtask, I) a token
    var action: Variable
    /// ‖v(x_η, η) − (a − ω)‖² an action feature, or the trust region's loss
    var flow: Variable
    /// subtask + action + α flow
    var total: Variable
  }

  /// Reads and writes a whole batch at once, every next token at its place.
  func outputs(_ tape: Tape, _ batch: ObservationBatch, _ targets: Targets) -> Outputs {
    let samples = batch.count
    let actions = tape.embedding(
      table: actionTable, ids: targets.actionTokens, shape: [samples, shape.actionSlots])
    let text = textBlocks(
      tape, subtasks: targets.subtaskTokens, indicators: targets.indicatorTokens, samples: samples)
    let padding = padding(
      batch, subtasks: targets.subtaskTokens, indicators: targets.indicatorTokens)
    let written = range(.subtask).lowerBound..<layout.count
    let (states, keyValues) = backbone(
      tape, tape.concatenate(encoder(tape, batch) + text + [actions]), tokens: 0..<layout.count,
      of: layout, outputs: written,
      padding: padding.map { self.padding($0, actions: targets.actionTokens) })
    guard let states else { preconditionFailure("a policy writes action tokens") }
    func rows(_ part: Part) -> Variable {
      let own = range(part)
      let rows = own.lowerBound - written.lowerBound..<own.upperBound - written.lowerBound
      return tape.reshape(
        tape.slice(states, rows: rows), [samples * own.count, settings.backbone.width])
    }
    return Outputs(
      subtaskLogits: subtaskHead.map { $0(tape, rows(.subtask)) },
      actionLogits: actionHead(tape, rows(.actions)),
      velocity: velocity(
        tape,
        noised: tape.constant(
          [samples, settings.chunkLength, shape.action], targets.noised),
        state: state(tape, batch), times: targets.times, backbone: insulated(tape, keyValues),
        padding: padding.map { $0.flatMap { $0 } }))
  }

  /// Records the losses of a batch, or of a slice as its share in the batch's.
  ///
  /// - Parameter totals: The whole batch's; nil where this is one.
  func losses(
    _ tape: Tape, _ batch: ObservationBatch, _ targets: Targets, totals: Totals? = nil
  ) -> Losses {
    let totals = totals ?? targets.totals
    let outputs = outputs(tape, batch, targets)
    let action = tape.softmaxCrossEntropy(
      logits: outputs.actionLogits, targets: targets.actionTargets, total: totals.actions)
    let velocities = tape.constant(tape.shape(outputs.velocity), targets.velocities)
    let flow =
      targets.trustRegion.map {
        tape.trustRegionLoss(
          outputs.velocity, target: velocities, weights: targets.weights, reference: $0.reference,
          advantages: $0.advantages, trust: $0.size, total: totals.chunks)
      }
      ?? tape.meanSquaredError(
        outputs.velocity, target: velocities, weights: targets.weights, total: totals.flow)
    var terms: [(Variable, Float)] = [(action, 1), (flow, settings.flowLossWeight)]
    var subtasks: [Variable] = []
    if let logits = outputs.subtaskLogits, totals.subtasks > 0 {
      subtasks.append(
        tape.softmaxCrossEntropy(
          logits: logits, targets: targets.subtaskTargets, total: totals.subtasks))
      terms.append((subtasks[0], 1))
    }
    return Losses(subtasks: subtasks, action: action, flow: flow, total: tape.weightedSum(terms))
  }

  /// Subtask and indicator as vectors.
  func textBlocks(
    _ tape: Tape, subtasks: [Int32], indicators: [Int32], samples: Int
  ) -> [Variable] {
    let subtask = subtasks.isEmpty ? [] : [encoder.embed(tape, subtasks, samples: samples)]
    return subtask + [encoder.embed(tape, indicators, samples: samples)]
  }

  /// By sample and token that the expert sees: whether it is padding; nil where nothing is.
  func padding(
    _ batch: ObservationBatch, subtasks: [Int32], indicators: [Int32]
  ) -> [[Bool]]? {
    let pad = shape.pad
    guard
      batch.taskTokens.contains(pad) || subtasks.contains(pad) || indicators.contains(pad)
    else { return nil }
    let (s, i) = (range(.subtask).count, range(.indicator).count)
    return batch.padding(shape).enumerated().map { sample, observation in
      observation + subtasks[sample * s..<(sample + 1) * s].map { $0 == pad }
        + indicators[sample * i..<(sample + 1) * i].map { $0 == pad } + [false]
    }
  }

  /// The same with the other action tokens behind. Those see only what stands before them, and their
  /// padding comes last, so it needs no mask.
  private func padding(_ visible: [[Bool]], actions: [Int32]) -> [Bool] {
    let none = Array(repeating: false, count: shape.actionSlots - 1)
    return visible.flatMap { $0 + none }
  }

  func state(_ tape: Tape, _ batch: ObservationBatch) -> Variable {
    let (width, environment) = (shape.proprioception, shape.environmentState)
    var values: [Float] = []
    values.reserveCapacity(batch.count * (width + environment))
    for sample in 0..<batch.count {
      values += batch.proprioception[sample * width..<(sample + 1) * width]
      values += batch.environmentState[sample * environment..<(sample + 1) * environment]
    }
    return tape.constant([batch.count, 1, width + environment], values)
  }

  /// What the expert may see of the backbone, without a way back for its gradient.
  private func insulated(_ tape: Tape, _ keyValues: [KeyValue]) -> [KeyValue] {
    keyValues.map { $0.stoppingGradient(on: tape).rows(visible, on: tape) }
  }

  func velocity(
    _ tape: Tape, noised: Variable, state: Variable, times: [Float], backbone: [KeyValue],
    padding: [Bool]?
  ) -> Variable {
    expert(
      tape, noised: noised, state: state, times: times, backbone: backbone,
      firstPosition: visible.upperBound, padding: padding)
  }
}
