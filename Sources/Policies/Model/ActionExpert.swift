import Foundation
import Networks
import Tensors

/// The action expert: a flow-matching network over a chunk of actions, with its own weights and
/// width in every layer, that looks at the backbone's keys and values and gives it no gradient
/// (Knowledge Insulation).
///
/// Convention, fixed here for the whole project: flow time η = 1 is the action and η = 0 is noise,
/// x_η = η a + (1 − η) ω, and the network predicts the velocity dx/dη = a − ω. openpi runs the
/// opposite clock, t = 1 − η.
///
/// Letters: B samples, H actions in a chunk, A action width, e the expert's width, S state width, L
/// layers.
struct ActionExpert: Sendable {
  /// A layer whose norms take scale, shift and gate from the flow time.
  private struct Layer: Sendable {
    let attention: Attention
    let feedForward: GatedMLP
  }

  private let settings: TransformerSettings
  private let chunkLength: Int
  private let actionIn: Linear
  private let actionPosition: Parameter
  private let stateIn: Linear
  private let timeIn: Linear
  private let timeOut: Linear
  /// From flow time to every layer's scale, shift and gate at once: e → (6 L + 2) e.
  private let modulation: Linear
  private let layers: [Layer]
  private let actionOut: Linear

  /// - Parameters:
  ///   - stateWidth: S: proprioception and environment state together.
  ///   - actionWidth: A
  init(
    _ store: ParameterStore, _ name: String, _ policy: PolicySettings, stateWidth: Int,
    actionWidth: Int
  ) {
    let settings = policy.expert
    self.settings = settings
    chunkLength = policy.chunkLength
    actionIn = Linear(store, "\(name).action_in", inputs: actionWidth, outputs: settings.width)
    // Rotary positions act only through attention; this tells the first layer already which action
    // is which.
    actionPosition = store.add(
      "\(name).action_position", [policy.chunkLength, settings.width], .normal(0.5), decays: false)
    stateIn = Linear(store, "\(name).state_in", inputs: stateWidth, outputs: settings.width)
    timeIn = Linear(store, "\(name).time_in", inputs: settings.width, outputs: settings.width)
    timeOut = Linear(store, "\(name).time_out", inputs: settings.width, outputs: settings.width)
    // Zero, so that each layer starts as the identity and the flow time earns its influence.
    modulation = Linear(
      store, "\(name).modulation", inputs: settings.width,
      outputs: (6 * settings.layers + 2) * settings.width,
      initial: .zeros)
    layers = (0..<settings.layers).map { index in
      Layer(
        attention: Attention(store, "\(name).layers.\(index).attention", settings),
        feedForward: GatedMLP(
          store, "\(name).layers.\(index).feed_forward", width: settings.width,
          feedForward: settings.feedForward))
    }
    actionOut = Linear(store, "\(name).action_out", inputs: settings.width, outputs: actionWidth)
  }

  /// The velocity at x_η.
  ///
  /// - Parameters:
  ///   - noised: x_η, [B, H, A].
  ///   - state: [B, 1, S]
  ///   - times: η, [B], in [0, 1].
  ///   - backbone: By layer, what the backbone lets others see, `seen` tokens; as constants.
  ///   - firstPosition: The rotary position of the state token, behind the backbone's.
  ///   - padding: By sample and token of the backbone, whether it is padding, [B, seen]; nil where
  ///     nothing is.
  /// - Returns: [B, H, A]
  func callAsFunction(
    _ tape: Tape, noised: Variable, state: Variable, times: [Float], backbone: [KeyValue],
    firstPosition: Int, padding: [Bool]?
  ) -> Variable {
    let actions = tape.add(
      actionIn(tape, noised), broadcasting: tape.parameter(actionPosition))
    var x = tape.concatenate([stateIn(tape, state), actions])
    let modulations = modulations(tape, times)
    let positions = (firstPosition...firstPosition + chunkLength).map(Int32.init)
    let mask = mask(padding, samples: times.count, queries: chunkLength + 1)
    let lastMask =
      mask == nil ? nil : self.mask(padding, samples: times.count, queries: chunkLength)
    for (index, layer) in layers.enumerated() {
      let first = index * 6
      let normed = modulated(tape, x, modulations, first)
      // Nobody reads the state token's last state.
      let isLast = index == layers.count - 1
      let rows = (isLast ? 1 : 0)..<positions.count
      let (queries, own) = layer.attention.project(
        tape, normed, positions: positions, rows: rows)
      guard let queries else { preconditionFailure("a chunk has actions") }
      let attended = layer.attention.attend(
        tape, queries: queries, seen: backbone[index].appending(own, on: tape),
        mask: isLast ? lastMask : mask)
      x = tape.add(
        isLast ? tape.slice(x, rows: rows) : x, tape.gate(attended, by: modulations(first + 2)))
      let fed = layer.feedForward(tape, modulated(tape, x, modulations, first + 3))
      x = tape.add(x, tape.gate(fed, by: modulations(first + 5)))
    }
    return actionOut(tape, modulated(tape, x, modulations, layers.count * 6))
  }

  /// Every query sees all but padding.
  private func mask(_ padding: [Bool]?, samples: Int, queries: Int) -> AttentionMask? {
    guard let padding else { return nil }
    let seen = padding.count / samples
    let own = Array(repeating: false, count: chunkLength + 1)
    let all = (0..<samples).flatMap { padding[$0 * seen..<($0 + 1) * seen] + own }
    let keys = seen + own.count
    return TokenLayout.mask(
      Array(repeating: true, count: queries * keys), queries: queries, keys: keys, padding: all)
  }

  /// Adaptive RMSNorm with the scale and shift at `index`.
  private func modulated(
    _ tape: Tape, _ x: Variable, _ modulations: (Int) -> Variable, _ index: Int
  ) -> Variable {
    tape.adaptiveRMSNorm(x, scale: modulations(index), shift: modulations(index + 1))
  }

  /// Scales, shifts and gates by place, [B, e] each.
  private func modulations(_ tape: Tape, _ times: [Float]) -> (Int) -> Variable {
    let embedded = tape.constant(
      [times.count, settings.width], Self.embedding(times, settings.width))
    let time = tape.silu(timeOut(tape, tape.silu(timeIn(tape, embedded))))
    let all = tape.reshape(
      modulation(tape, time), [times.count, 6 * settings.layers + 2, settings.width])
    return { index in
      tape.reshape(
        tape.slice(all, rows: index..<index + 1), [times.count, settings.width])
    }
  }

  /// Sines and cosines of η at wavelengths from 0.004 to 4, as in π0: [B, width].
  static func embedding(_ times: [Float], _ width: Int) -> [Float] {
    let half = max(width / 2, 1)
    let angles = (0..<half).map { index in
      let share = half == 1 ? 0 : Double(index) / Double(half - 1)
      return 2 * Double.pi / (4e-3 * pow(1000, share))
    }
    var embedding: [Float] = []
    embedding.reserveCapacity(times.count * width)
    for time in times {
      for index in 0..<width {
        // In double: the fastest turns 250 times, and a float would lose three digits of the rest.
        let angle = Double(time) * angles[index % half]
        embedding.append(Float(index < half ? sin(angle) : cos(angle)))
      }
    }
    return embedding
  }
}
