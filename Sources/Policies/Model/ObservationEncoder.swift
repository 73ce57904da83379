import Networks
import Tensors

/// The first tokens of a sequence: camera patches, task text, proprioception, environment state.
///
/// Letters as for `ObservationInputs`; d is the model's width.
struct ObservationEncoder {
  private let inputs: ObservationInputs
  private let width: Int
  private let patch: Linear?
  private let patchPosition: Parameter?
  private let text: Parameter
  private let proprioception: Linear
  private let environmentState: Linear?

  /// The segments of its tokens in reading order, as one group.
  static func segments(_ inputs: ObservationInputs) -> [TokenLayout.Segment] {
    [
      .init(count: inputs.patchCount, group: 0),
      .init(count: inputs.prompts.taskSlots, group: 0),
      .init(count: 1, group: 0),
      .init(count: inputs.environmentScaler == nil ? 0 : 1, group: 0),
    ]
  }

  init(_ store: ParameterStore, _ name: String, _ inputs: ObservationInputs, width: Int) {
    self.inputs = inputs
    self.width = width
    if inputs.patchCount > 0 {
      patch = Linear(store, "\(name).patch", inputs: inputs.patchWidth, outputs: width)
      patchPosition = store.add(
        "\(name).patch_position", [inputs.patchCount, width], .normal(0.5), decays: false)
    } else {
      patch = nil
      patchPosition = nil
    }
    text = store.add(
      "\(name).text", [inputs.prompts.tokenizer.vocabularySize, width], .normal(1), decays: false)
    proprioception = Linear(
      store, "\(name).proprioception", inputs: inputs.embodiment.proprioceptionWidth, outputs: width
    )
    environmentState =
      inputs.environmentScaler == nil
      ? nil
      : Linear(store, "\(name).environment_state", inputs: inputs.environmentWidth, outputs: width)
  }

  /// The observation's tokens, one block a segment: [B, segment, d] each.
  func callAsFunction(_ tape: Tape, _ batch: ObservationBatch) -> [Variable] {
    var tokens: [Variable] = []
    if let patch, let patchPosition {
      let pixels = tape.constant(
        [batch.count, inputs.patchCount, inputs.patchWidth], batch.patches)
      tokens.append(
        tape.add(patch(tape, pixels), broadcasting: tape.parameter(patchPosition)))
    }
    tokens.append(embed(tape, batch.taskTokens, samples: batch.count))
    tokens.append(
      proprioception(
        tape,
        tape.constant(
          [batch.count, 1, inputs.embodiment.proprioceptionWidth], batch.proprioception)))
    if let environmentState {
      tokens.append(
        environmentState(
          tape, tape.constant([batch.count, 1, inputs.environmentWidth], batch.environmentState)))
    }
    return tokens
  }

  /// Text tokens as vectors.
  ///
  /// - Parameter ids: [samples, slots]
  /// - Returns: [samples, slots, d]
  func embed(_ tape: Tape, _ ids: [Int32], samples: Int) -> Variable {
    tape.embedding(table: text, ids: ids, shape: [samples, ids.count / samples])
  }
}

extension ObservationBatch {
  /// By sample and observation token: whether it is padding, [B, tokens].
  ///
  /// - Parameter inputs: What the batch was made by.
  func padding(_ inputs: ObservationInputs) -> [[Bool]] {
    let slots = inputs.prompts.taskSlots
    let others = Array(repeating: false, count: inputs.environmentScaler == nil ? 1 : 2)
    let patches = Array(repeating: false, count: inputs.patchCount)
    return (0..<count).map { sample in
      patches
        + taskTokens[sample * slots..<(sample + 1) * slots].map { $0 == BytePairTokenizer.pad }
        + others
    }
  }
}
