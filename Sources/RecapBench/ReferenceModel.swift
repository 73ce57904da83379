import Networks
import Tensors

/// The sizes of a reference workload.
struct ReferenceModel: Sendable {
  let name: String
  let backbone: TransformerSettings
  /// Nil for a value network.
  let expert: TransformerSettings?

  static let vlaTiny = ReferenceModel(
    "vla-tiny", width: 128, layers: 4, heads: 4, 32, 512, expert: (96, 384))

  static let all = [
    vlaTiny,
    ReferenceModel("vla-small", width: 384, layers: 6, heads: 6, 64, 1536, expert: (192, 768)),
    ReferenceModel("value-tiny", width: 96, layers: 3, heads: 3, 32, 384),
    ReferenceModel("value-small", width: 256, layers: 6, heads: 4, 64, 1024),
  ]

  private init(
    _ name: String, width: Int, layers: Int, heads: Int, _ headWidth: Int, _ feedForward: Int,
    expert: (width: Int, feedForward: Int)? = nil
  ) {
    func settings(_ width: Int, _ feedForward: Int) -> TransformerSettings {
      TransformerSettings(
        width: width, layers: layers, heads: heads, keyValueHeads: heads, headWidth: headWidth,
        feedForward: feedForward)
    }
    self.name = name
    backbone = settings(width, feedForward)
    self.expert = expert.map { settings($0.width, $0.feedForward) }
  }

  var isPolicy: Bool { expert != nil }
}

/// How much arithmetic a workload nominally is: the matrix products of a plain implementation, with
/// attention dense and masked parts counted. Work that an implementation avoids still counts, so
/// that rates of different implementations compare.
struct NominalWork {
  private(set) var operations = 0.0
  private let training: Bool

  private mutating func product(_ m: Int, _ n: Int, _ k: Int) {
    operations += 2 * Double(m) * Double(n) * Double(k)
  }

  private mutating func linear(_ m: Int, _ k: Int, _ n: Int, inputGradient: Bool = true) {
    product(m, n, k)
    guard training else { return }
    product(m, n, k)
    if inputGradient { product(m, n, k) }
  }

  private mutating func layer(
    _ samples: Int, _ queries: Int, _ settings: TransformerSettings, keys: Int, gradientKeys: Int
  ) {
    let inner = settings.heads * settings.headWidth
    linear(samples * queries, settings.width, 3 * inner)
    let attentions = samples * settings.heads
    for _ in 0..<(training ? 4 : 2) { product(attentions * queries, keys, settings.headWidth) }
    if training {
      for _ in 0..<2 { product(attentions * queries, gradientKeys, settings.headWidth) }
    }
    linear(samples * queries, inner, settings.width)
    linear(samples * queries, settings.width, 2 * settings.feedForward)
    linear(samples * queries, settings.feedForward, settings.width)
  }

  private mutating func inputs(_ samples: Int, _ width: Int) {
    linear(
      samples * ReferenceBatch.patches, ReferenceBatch.patchWidth, width, inputGradient: false)
    linear(samples, ReferenceBatch.stateWidth, width, inputGradient: false)
  }

  /// One training step.
  init(training model: ReferenceModel, samples: Int) {
    training = true
    let backbone = model.backbone
    inputs(samples, backbone.width)
    let tokens = ReferenceBatch.prefix + (model.isPolicy ? ReferenceBatch.fastTokens : 1)
    for _ in 0..<backbone.layers {
      layer(samples, tokens, backbone, keys: tokens, gradientKeys: tokens)
    }
    guard let expert = model.expert else {
      linear(samples, backbone.width, ReferenceBatch.bins)
      return
    }
    let chunk = ReferenceBatch.chunkLength
    linear(samples * ReferenceBatch.fastTokens, backbone.width, ReferenceBatch.vocabulary)
    linear(samples * chunk, ReferenceBatch.actionWidth, expert.width, inputGradient: false)
    linear(samples, expert.width, expert.width, inputGradient: false)
    linear(samples, expert.width, expert.width)
    for _ in 0..<expert.layers {
      layer(samples, chunk, expert, keys: ReferenceBatch.prefix + chunk, gradientKeys: chunk)
    }
    linear(samples * chunk, expert.width, ReferenceBatch.actionWidth)
  }

  /// A policy's chunk of actions, or a value network's answer. Guidance reads every sample twice.
  init(sampling model: ReferenceModel, samples: Int, guided: Bool, eulerSteps: Int) {
    training = false
    let backbone = model.backbone
    let rows = samples * (guided ? 2 : 1)
    inputs(rows, backbone.width)
    guard let expert = model.expert else {
      let tokens = ReferenceBatch.prefix + 1
      for _ in 0..<backbone.layers {
        layer(rows, tokens, backbone, keys: tokens, gradientKeys: tokens)
      }
      linear(rows, backbone.width, ReferenceBatch.bins)
      return
    }
    let (prefix, chunk) = (ReferenceBatch.prefix, ReferenceBatch.chunkLength)
    for _ in 1..<backbone.layers {
      layer(rows, prefix, backbone, keys: prefix, gradientKeys: prefix)
    }
    linear(rows * prefix, backbone.width, 2 * backbone.heads * backbone.headWidth)
    for _ in 0..<eulerSteps {
      linear(rows * chunk, ReferenceBatch.actionWidth, expert.width)
      linear(1, expert.width, expert.width)
      linear(1, expert.width, expert.width)
      for _ in 0..<expert.layers {
        layer(rows, chunk, expert, keys: prefix + chunk, gradientKeys: prefix + chunk)
      }
      linear(rows * chunk, expert.width, ReferenceBatch.actionWidth)
    }
  }
}
