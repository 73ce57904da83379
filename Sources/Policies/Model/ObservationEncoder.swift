import Networks
import Tensors

/// The first tokens of a sequence: camera patches, task text, proprioception, environment state.
///
/// Letters as for `ModelShape`; d is the model's width.
struct ObservationEncoder: Sendable {
  private let shape: ModelShape
  private let patch: Linear?
  private let patchPosition: Parameter?
  private let vision: VisionTower?
  private let text: Parameter
  private let proprioception: Linear
  private let environmentState: Linear?

  /// - Parameters:
  ///   - width: d
  ///   - vision: nil to read patches directly.
  init(
    _ store: ParameterStore, _ name: String, _ shape: ModelShape, width: Int,
    vision tower: VisionSettings?
  ) {
    self.shape = shape
    if shape.patches > 0 {
      let own = tower?.network.width ?? width
      patch = Linear(store, "\(name).patch", inputs: shape.patchWidth, outputs: own)
      patchPosition = store.add(
        "\(name).patch_position", [shape.patches, own], .normal(0.5), decays: false)
      vision = tower.map { VisionTower(store, name, $0, outputs: width) }
    } else {
      (patch, patchPosition, vision) = (nil, nil, nil)
    }
    text = store.add(
      "\(name).text", [shape.textVocabulary, width], .normal(1), decays: false)
    proprioception = Linear(
      store, "\(name).proprioception", inputs: shape.proprioception, outputs: width)
    environmentState =
      shape.environmentState == 0
      ? nil
      : Linear(store, "\(name).environment_state", inputs: shape.environmentState, outputs: width)
  }

  /// The observation's tokens, one block a kind: [B, block, d] each.
  func callAsFunction(_ tape: Tape, _ batch: ObservationBatch) -> [Variable] {
    var tokens: [Variable] = []
    if let patch, let patchPosition {
      let pixels = tape.constant(
        [batch.count, shape.patches, shape.patchWidth], batch.patches)
      let patches = tape.add(
        patch(tape, pixels), broadcasting: tape.parameter(patchPosition))
      tokens.append(vision?(tape, patches, cameras: shape.cameras) ?? patches)
    }
    tokens.append(embed(tape, batch.taskTokens, samples: batch.count))
    tokens.append(
      proprioception(
        tape,
        tape.constant([batch.count, 1, shape.proprioception], batch.proprioception)))
    if let environmentState {
      tokens.append(
        environmentState(
          tape, tape.constant([batch.count, 1, shape.environmentState], batch.environmentState)))
    }
    return tokens
  }

  /// The tokens of frames of the first camera, without all else that an observation holds.
  ///
  /// - Parameter pixels: [samples, K, p × p × 3]
  /// - Returns: [samples, K or the tokens that the vision tower makes of them, d]
  /// - Precondition: images are used.
  func firstCamera(_ tape: Tape, _ pixels: [Float], samples: Int) -> Variable {
    guard let patch, let patchPosition else { preconditionFailure("no camera is read") }
    let count = shape.firstCameraPatches
    // Its patches, and so their positions, are the first ones.
    let positions = tape.embedding(
      table: patchPosition, ids: (0..<count).map(Int32.init), shape: [count])
    let patches = tape.add(
      patch(tape, tape.constant([samples, count, shape.patchWidth], pixels)),
      broadcasting: positions)
    return vision?(tape, patches, cameras: 1) ?? patches
  }

  /// Text tokens as vectors.
  ///
  /// - Parameter ids: [samples, slots]
  /// - Returns: [samples, slots, d]
  func embed(_ tape: Tape, _ ids: [Int32], samples: Int) -> Variable {
    tape.embedding(table: text, ids: ids, shape: [samples, ids.count / samples])
  }
}

/// A transformer over each camera's patches, whose neighbouring outputs are merged into one token.
///
/// Letters: v its width, m × m patches merged, C the cameras at hand.
struct VisionTower: Sendable {
  private let settings: VisionSettings
  private let transformer: Transformer
  private let projection: Linear

  /// Adds `<name>.vision.*` and `<name>.vision_projection.*`.
  init(_ store: ParameterStore, _ name: String, _ settings: VisionSettings, outputs: Int) {
    self.settings = settings
    transformer = Transformer(store, "\(name).vision", settings.network)
    projection = Linear(
      store, "\(name).vision_projection",
      inputs: settings.merge * settings.merge * settings.network.width, outputs: outputs)
  }

  /// - Parameters:
  ///   - patches: [B, C × patches, v], a block's patches one after the other; cameras of one size.
  ///   - cameras: C
  /// - Returns: [B, C × patches / m², d]
  func callAsFunction(_ tape: Tape, _ patches: Variable, cameras: Int) -> Variable {
    let shape = tape.shape(patches)
    let own = shape[1] / cameras
    let alone = tape.reshape(patches, [shape[0] * cameras, own, shape[2]])
    // Where a patch is, its position vector says; rotary position 0 turns nothing.
    let (states, _) = transformer(
      tape, alone, positions: Array(repeating: 0, count: own), outputs: 0..<own, mask: nil,
      outputMask: nil)
    guard let states else { preconditionFailure("a camera has patches") }
    let block = settings.merge * settings.merge
    return projection(
      tape, tape.reshape(states, [shape[0], shape[1] / block, block * shape[2]]))
  }
}

extension ObservationBatch {
  /// By sample and observation token: whether it is padding, [B][tokens].
  func padding(_ shape: ModelShape) -> [[Bool]] {
    let slots = shape.taskSlots
    let images = Array(repeating: false, count: shape.imageTokens)
    let others = Array(repeating: false, count: shape.observationTokens - images.count - slots)
    return (0..<count).map { sample in
      images
        + taskTokens[sample * slots..<(sample + 1) * slots].map { $0 == shape.pad }
        + others
    }
  }
}
