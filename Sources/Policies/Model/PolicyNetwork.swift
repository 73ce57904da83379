import Networks
import Tensors

/// The advantage-conditioned policy (paper, Section V): a backbone that reads observation and text,
/// and an action expert that reads the backbone.
///
/// Reading order and groups (a token sees its own group and earlier ones; nobody sees a read-out):
///
///     0  camera patches, task text, proprioception, environment state, subtask read-out
///     1  subtask text
///     2  indicator text
///     3  read-out of the discrete action
///
/// The indicator comes after the subtask read-out, so the subtask's likelihood does not depend on
/// it, and before both forms of action. Letters as for `ActionExpert`; D action classes in a chunk,
/// V visible backbone tokens.
struct PolicyNetwork {
  let inputs: ObservationInputs
  let settings: PolicySettings
  let coefficients: ActionCoefficients
  let layout: TokenLayout
  /// Whether a task has subtasks at all.
  let hasSubtasks: Bool
  private let encoder: ObservationEncoder
  /// Rows: subtask read-out, action read-out.
  private let readouts: Parameter
  private let backbone: Transformer
  private let subtaskHead: Linear?
  private let actionHead: Linear
  private let expert: ActionExpert

  private enum Part: Int { case subtaskReadout = 4, subtask, indicator, actionReadout }

  init(_ store: ParameterStore, inputs: ObservationInputs, settings: PolicySettings) {
    self.inputs = inputs
    self.settings = settings
    let prompts = inputs.prompts
    let embodiment = inputs.embodiment
    let width = settings.backbone.width
    hasSubtasks = !prompts.subtaskTexts.isEmpty
    coefficients = ActionCoefficients(
      chunkLength: settings.chunkLength, actionWidth: embodiment.actionWidth)
    layout = TokenLayout(
      ObservationEncoder.segments(inputs) + [
        .init(count: hasSubtasks ? 1 : 0, group: 0, isReadout: true),
        .init(count: prompts.subtaskSlots, group: 1),
        .init(count: prompts.indicatorSlots, group: 2),
        .init(count: 1, group: 3, isReadout: true),
      ])
    encoder = ObservationEncoder(store, "encoder", inputs, width: width)
    readouts = store.add("backbone.readouts", [2, width], .normal(1), decays: false)
    backbone = Transformer(store, "backbone", settings.backbone)
    subtaskHead =
      hasSubtasks
      ? Linear(
        store, "subtask_head", inputs: width, outputs: prompts.subtaskTexts.count, initial: .zeros)
      : nil
    actionHead = Linear(
      store, "action_head", inputs: width, outputs: coefficients.count * ActionCoefficients.bins,
      initial: .zeros)
    expert = ActionExpert(
      store, "expert", settings,
      stateWidth: embodiment.proprioceptionWidth + inputs.environmentWidth,
      actionWidth: embodiment.actionWidth)
  }

  private func range(_ part: Part) -> Range<Int> { layout.ranges[part.rawValue] }
  /// Tokens of the observation, which come first.
  private var observed: Range<Int> { 0..<range(.subtask).lowerBound }
  private var visible: Range<Int> { 0..<layout.visible }

  // MARK: Training

  /// What one gradient step reads, besides the observations.
  struct Targets {
    /// [B, subtask slots]
    var subtaskTokens: [Int32] = []
    /// [B, indicator slots]
    var indicatorTokens: [Int32] = []
    /// [B], −1 where the subtask is not known
    var subtasks: [Int32] = []
    /// [B, D]
    var actionClasses: [Int32] = []
    /// η, [B]
    var times: [Float] = []
    /// x_η, [B, H, A]
    var noised: [Float] = []
    /// a − ω, [B, H, A]
    var velocities: [Float] = []
    /// 1, or 0 for steps past the end of the episode, [B, H, A]
    var weights: [Float] = []
  }

  /// The three losses of the paper's Equation 3 in this form, each a mean.
  struct Losses {
    /// −log p(subtask | o, ℓ); nil where no sample has one.
    var subtask: Variable?
    /// −log p(action classes | o, ℓ, subtask, I)
    var action: Variable
    /// ‖v(x_η, η) − (a − ω)‖²
    var flow: Variable
    /// subtask + action + α flow
    var total: Variable
  }

  /// Records the losses of a batch.
  func losses(_ tape: Tape, _ batch: ObservationBatch, _ targets: Targets) -> Losses {
    let samples = batch.count
    let (x, padding) = sequence(tape, batch, targets)
    let (states, keyValues) = backbone(
      tape, x, tokens: Array(0..<layout.count), layout: layout,
      outputs: layout.visible..<layout.count,
      padding: padding.map { self.padding($0, withReadouts: true) })
    guard let states else { preconditionFailure("a policy has an action read-out") }
    // Row 0 is the subtask read-out where there is one; the last is the action read-out.
    let last = layout.count - layout.visible - 1
    let actionLogits = tape.reshape(
      actionHead(tape, tape.slice(states, rows: last..<last + 1)),
      [samples * coefficients.count, ActionCoefficients.bins])
    let action = tape.softmaxCrossEntropy(logits: actionLogits, targets: targets.actionClasses)
    var subtask: Variable?
    if let subtaskHead, targets.subtasks.contains(where: { $0 >= 0 }) {
      let logits = tape.reshape(
        subtaskHead(tape, tape.slice(states, rows: 0..<1)),
        [samples, inputs.prompts.subtaskTexts.count])
      subtask = tape.softmaxCrossEntropy(logits: logits, targets: targets.subtasks)
    }
    let shape = [samples, settings.chunkLength, inputs.embodiment.actionWidth]
    let velocity = velocity(
      tape, noised: tape.constant(shape, targets.noised), state: state(tape, batch),
      times: targets.times, backbone: insulated(tape, keyValues),
      padding: padding.map { $0.flatMap { $0 } })
    let flow = tape.meanSquaredError(
      velocity, target: tape.constant(shape, targets.velocities), weights: targets.weights)
    var terms: [(Variable, Float)] = [(action, 1), (flow, settings.flowLossWeight)]
    if let subtask { terms.append((subtask, 1)) }
    return Losses(subtask: subtask, action: action, flow: flow, total: tape.weightedSum(terms))
  }

  /// All tokens of a batch, and by sample which visible ones are padding (nil where none is).
  private func sequence(
    _ tape: Tape, _ batch: ObservationBatch, _ targets: Targets
  ) -> (Variable, [[Bool]]?) {
    let observation = encoder(tape, batch)
    let text = textBlock(
      tape, subtasks: targets.subtaskTokens, indicators: targets.indicatorTokens,
      samples: batch.count)
    let readout = tape.embedding(
      table: readouts,
      ids: (0..<batch.count).flatMap { _ in hasSubtasks ? [0, 1] as [Int32] : [1] },
      shape: [batch.count, hasSubtasks ? 2 : 1])
    let padding = padding(
      batch, subtasks: targets.subtaskTokens, indicators: targets.indicatorTokens)
    return (tape.concatenate(observation + text + [readout]), padding)
  }

  private func textBlock(
    _ tape: Tape, subtasks: [Int32], indicators: [Int32], samples: Int
  ) -> [Variable] {
    let subtask = hasSubtasks ? [encoder.embed(tape, subtasks, samples: samples)] : []
    return subtask + [encoder.embed(tape, indicators, samples: samples)]
  }

  /// By sample and visible token: whether it is padding, [B][V]; nil where nothing is.
  private func padding(
    _ batch: ObservationBatch, subtasks: [Int32], indicators: [Int32]
  ) -> [[Bool]]? {
    let pad = BytePairTokenizer.pad
    guard
      batch.taskTokens.contains(pad) || subtasks.contains(pad) || indicators.contains(pad)
    else { return nil }
    let subtaskSlots = inputs.prompts.subtaskSlots
    let indicatorSlots = inputs.prompts.indicatorSlots
    return batch.padding(inputs).enumerated().map { sample, observation in
      observation
        + subtasks[sample * subtaskSlots..<(sample + 1) * subtaskSlots].map { $0 == pad }
        + indicators[sample * indicatorSlots..<(sample + 1) * indicatorSlots].map { $0 == pad }
    }
  }

  private func padding(_ visible: [[Bool]], withReadouts: Bool) -> [Bool] {
    let readouts = Array(repeating: false, count: layout.count - layout.visible)
    return visible.flatMap { $0 + (withReadouts ? readouts : []) }
  }

  private func state(_ tape: Tape, _ batch: ObservationBatch) -> Variable {
    let width = inputs.embodiment.proprioceptionWidth
    let environment = inputs.environmentWidth
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

  private func velocity(
    _ tape: Tape, noised: Variable, state: Variable, times: [Float], backbone: [KeyValue],
    padding: [Bool]?
  ) -> Variable {
    expert(
      tape, noised: noised, state: state, times: times, backbone: backbone,
      firstPosition: layout.count, padding: padding)
  }

  // MARK: Acting

  /// The observation as the backbone has read it, kept for the rest of a sampling pass.
  struct Prefix {
    var batch: ObservationBatch
    var keyValues: [KeyValue]
    /// [B, subtasks], row-major; empty where there are no subtasks.
    var subtaskLogits: [Float]
  }

  /// Reads the observations: group 0 alone, once.
  func prefix(_ tape: Tape, _ batch: ObservationBatch) -> Prefix {
    var tokens = Array(observed)
    var blocks = encoder(tape, batch)
    if hasSubtasks {
      tokens += Array(range(.subtaskReadout))
      blocks.append(
        tape.embedding(
          table: readouts, ids: Array(repeating: 0, count: batch.count), shape: [batch.count, 1]))
    }
    let observation = batch.padding(inputs)
    let (states, keyValues) = backbone(
      tape, tape.concatenate(blocks), tokens: tokens, layout: layout,
      outputs: observed.upperBound..<tokens.count,
      padding: observation.flatMap { $0 + (hasSubtasks ? [false] : []) })
    var logits: [Float] = []
    if let subtaskHead, let states { logits = tape.value(subtaskHead(tape, states)) }
    return Prefix(
      batch: batch, keyValues: keyValues.map { $0.rows(observed, on: tape) },
      subtaskLogits: logits)
  }

  /// A prefix with the text behind it: all that the expert needs.
  struct Conditioning {
    var keyValues: [KeyValue]
    var state: Variable
    var padding: [Bool]?
    var count: Int
  }

  /// Reads subtask and indicator behind a prefix.
  ///
  /// - Parameters:
  ///   - subtasks: [B, subtask slots]
  ///   - indicators: [B, indicator slots] once, or several times one after the other to read every
  ///     sample with each of several indicators.
  func conditioning(
    _ tape: Tape, _ prefix: Prefix, subtasks: [Int32], indicators: [[Int32]]
  ) -> Conditioning {
    var batch = prefix.batch
    var keyValues = prefix.keyValues
    var subtaskTokens = subtasks
    for _ in indicators.dropFirst() {
      batch.append(prefix.batch)
      subtaskTokens += subtasks
    }
    if indicators.count > 1 {
      keyValues = keyValues.map { $0.repeated(indicators.count, on: tape) }
    }
    let indicatorTokens = indicators.flatMap { $0 }
    let padding = padding(batch, subtasks: subtaskTokens, indicators: indicatorTokens)
      .map { $0.flatMap { $0 } }
    let blocks = textBlock(
      tape, subtasks: subtaskTokens, indicators: indicatorTokens, samples: batch.count)
    let (_, own) = backbone(
      tape, tape.concatenate(blocks), tokens: Array(visible.dropFirst(observed.count)),
      layout: layout, past: (Array(observed), keyValues), outputs: 0..<0, padding: padding)
    return Conditioning(
      keyValues: zip(keyValues, own).map { $0.appending($1, on: tape) },
      state: state(tape, batch), padding: padding, count: batch.count)
  }

  /// The velocity at x_η for every sample of a conditioning.
  ///
  /// - Parameters:
  ///   - noised: x_η, [B, H, A].
  ///   - time: η
  /// - Returns: [B, H, A]
  func velocity(
    _ tape: Tape, _ conditioning: Conditioning, noised: [Float], time: Float
  ) -> [Float] {
    let shape = [conditioning.count, settings.chunkLength, inputs.embodiment.actionWidth]
    return tape.value(
      velocity(
        tape, noised: tape.constant(shape, noised), state: conditioning.state,
        times: Array(repeating: time, count: conditioning.count),
        backbone: conditioning.keyValues, padding: conditioning.padding))
  }
}

extension ObservationBatch {
  /// Adds another batch's samples.
  mutating func append(_ other: ObservationBatch) {
    count += other.count
    proprioception += other.proprioception
    environmentState += other.environmentState
    patches += other.patches
    taskTokens += other.taskTokens
  }
}

extension KeyValue {
  /// The whole batch several times, one after the other.
  func repeated(_ times: Int, on tape: Tape) -> KeyValue {
    KeyValue(
      key: Self.repeated(key, times, on: tape), value: Self.repeated(value, times, on: tape))
  }

  private static func repeated(_ x: Variable, _ times: Int, on tape: Tape) -> Variable {
    let shape = tape.shape(x)
    // Samples are contiguous: as one long sample the batch can be concatenated with itself.
    let long = tape.reshape(x, [1, shape[0] * shape[1], shape[2]])
    return tape.reshape(
      tape.concatenate(Array(repeating: long, count: times)),
      [shape[0] * times, shape[1], shape[2]])
  }
}
