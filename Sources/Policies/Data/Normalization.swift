import Episodes
import Foundation

/// Statistics of a dataset's numbers, measured at first training and carried in the checkpoint;
/// fine-tuning keeps them, so that weights keep their meaning.
///
/// The JSON form is openpi's `norm_stats.json`: `{"norm_stats": {"state": {"mean", "std", "q01",
/// "q99"}, "actions": {…}}}`, with `environment_state` beside them where a robot reports it.
public struct Normalization: Codable, Hashable, Sendable {
  /// Statistics of one column, an entry per feature.
  public struct Feature: Codable, Hashable, Sendable {
    /// Mean.
    public var mean: [Float]
    /// Standard deviation (of the population).
    public var std: [Float]
    /// The 1 % quantile.
    public var q01: [Float]
    /// The 99 % quantile.
    public var q99: [Float]

    public init(mean: [Float], std: [Float], q01: [Float], q99: [Float]) {
      self.mean = mean
      self.std = std
      self.q01 = q01
      self.q99 = q99
    }

    /// Features.
    public var width: Int { mean.count }

    /// - Parameters:
    ///   - rows: Row-major [frames, width], frame blocks one after the other.
    ///   - width: Features; at least 1.
    static func measured(_ rows: [[Float]], width: Int) -> Feature {
      let frames = max(rows.reduce(0) { $0 + $1.count / width }, 1)
      // Quantiles from at most 20,000 frames at even distances: sorting more would not change what
      // they are for.
      let stride = max(1, frames / 20_000)
      var feature = Feature(mean: [], std: [], q01: [], q99: [])
      for column in 0..<width {
        var sum = 0.0
        var squares = 0.0
        var sample: [Float] = []
        var frame = 0
        for block in rows {
          for index in Swift.stride(from: column, to: block.count, by: width) {
            let value = Double(block[index])
            sum += value
            squares += value * value
            if frame.isMultiple(of: stride) { sample.append(block[index]) }
            frame += 1
          }
        }
        sample.sort()
        let mean = sum / Double(frames)
        feature.mean.append(Float(mean))
        feature.std.append(Float((max(squares / Double(frames) - mean * mean, 0)).squareRoot()))
        feature.q01.append(quantile(0.01, of: sample))
        feature.q99.append(quantile(0.99, of: sample))
      }
      return feature
    }

    /// Linear interpolation between order statistics.
    private static func quantile(_ share: Double, of sorted: [Float]) -> Float {
      guard let last = sorted.last else { return 0 }
      let place = share * Double(sorted.count - 1)
      let lower = Int(place)
      guard lower + 1 < sorted.count else { return last }
      let rest = Float(place - Double(lower))
      return sorted[lower] * (1 - rest) + sorted[lower + 1] * rest
    }
  }

  /// `observation.state`
  public var state: Feature
  /// `observation.environment_state`; nil where episodes do not record it.
  public var environmentState: Feature?
  /// `action`
  public var actions: Feature

  public init(state: Feature, environmentState: Feature? = nil, actions: Feature) {
    self.state = state
    self.environmentState = environmentState
    self.actions = actions
  }

  /// Measures a dataset.
  ///
  /// - Parameter episodes: At least one, all of one embodiment.
  public static func measured(from episodes: [Episode]) -> Normalization {
    guard let metadata = episodes.first?.metadata else {
      preconditionFailure("statistics of no episodes")
    }
    let embodiment = metadata.embodiment
    let hasEnvironmentState =
      embodiment.environmentStateWidth > 0
      && episodes.allSatisfy(\.metadata.recordsEnvironmentState)
    return Normalization(
      state: .measured(episodes.map(\.proprioception), width: embodiment.proprioceptionWidth),
      environmentState: hasEnvironmentState
        ? .measured(episodes.map(\.environmentState), width: embodiment.environmentStateWidth)
        : nil,
      actions: .measured(episodes.map(\.actions), width: embodiment.actionWidth))
  }

  // MARK: openpi's layout

  private enum FileKeys: String, CodingKey { case statistics = "norm_stats" }

  private enum FeatureKeys: String, CodingKey {
    case state, actions
    case environmentState = "environment_state"
  }

  public init(from decoder: any Decoder) throws {
    let features = try decoder.container(keyedBy: FileKeys.self)
      .nestedContainer(keyedBy: FeatureKeys.self, forKey: .statistics)
    state = try features.decode(Feature.self, forKey: .state)
    environmentState = try features.decodeIfPresent(Feature.self, forKey: .environmentState)
    actions = try features.decode(Feature.self, forKey: .actions)
  }

  public func encode(to encoder: any Encoder) throws {
    var file = encoder.container(keyedBy: FileKeys.self)
    var features = file.nestedContainer(keyedBy: FeatureKeys.self, forKey: .statistics)
    try features.encode(state, forKey: .state)
    try features.encodeIfPresent(environmentState, forKey: .environmentState)
    try features.encode(actions, forKey: .actions)
  }
}

/// Turns a column's numbers into what a network reads, and back.
struct FeatureScaler: Sendable {
  private let offset: [Float]
  private let scale: [Float]

  var width: Int { offset.count }

  /// - Parameters:
  ///   - feature: The column's statistics.
  ///   - byQuantiles: Whether 1 % and 99 % quantiles become −1 and 1; otherwise mean and standard
  ///     deviation become 0 and 1.
  init(_ feature: Normalization.Feature, byQuantiles: Bool) {
    if byQuantiles {
      offset = zip(feature.q01, feature.q99).map { ($0 + $1) / 2 }
      scale = zip(feature.q01, feature.q99).map { Self.guarded(($1 - $0) / 2) }
    } else {
      offset = feature.mean
      scale = feature.std.map { Self.guarded($0) }
    }
  }

  /// openpi adds 1e-6 and divides. A feature that never moved in the data would then explode as
  /// soon as it moves, so such features are only shifted.
  private static func guarded(_ spread: Float) -> Float { spread < 1e-4 ? 1 : spread + 1e-6 }

  /// Appends normalised rows.
  ///
  /// - Parameters:
  ///   - rows: Row-major [n, width].
  ///   - limit: Results are clipped to ±limit, so that a sensor far outside the data cannot drown
  ///     the rest.
  func appendNormalized(_ rows: [Float], to result: inout [Float], limit: Float = .infinity) {
    var column = 0
    for value in rows {
      let scaled = (value - offset[column]) / scale[column]
      result.append(min(max(scaled, -limit), limit))
      column = column + 1 == offset.count ? 0 : column + 1
    }
  }

  /// Row-major [n, width] in the data's own units.
  func restored(_ rows: some Collection<Float>) -> [Float] {
    var column = 0
    return rows.map { value in
      defer { column = column + 1 == offset.count ? 0 : column + 1 }
      return value * scale[column] + offset[column]
    }
  }
}
