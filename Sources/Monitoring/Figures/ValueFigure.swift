import Episodes
import ImageFiles
import Plots
import RecapAlgorithm

/// What the value function thought over one episode: the paper's Figure 4.
///
/// V over time with frames of a camera above it, its largest drops in red, what a person corrected
/// shaded, where the attempt was lost if the robot said so, and the steps whose action was labelled
/// positive as a strip under the axis. The encoded form is part of the command line's interface (`recap plot value --json`).
public struct ValueFigure: Sendable {
  public let episode: Episode
  /// V(o_t), [T].
  public let values: [Float]
  /// A_t and I_t, where a label set has them.
  public let labels: EpisodeLabels?
  /// Whose values these are, in words, such as "label set espresso/2/labels".
  public let origin: String
  /// V's largest drops, the largest first.
  public let drops: [ValueDrop]

  /// - Parameters:
  ///   - values: V(o_t), as many as the episode has steps.
  ///   - drops: At most so many drops are marked.
  ///   - window: Steps over which a drop is measured, ≥ 1.
  ///   - leastDrop: Smaller drops are not marked.
  public init(
    episode: Episode, values: [Float], labels: EpisodeLabels? = nil, origin: String,
    drops: Int = 3, window: Int = ValueDrops.window, leastDrop: Float = ValueDrops.leastSize
  ) {
    precondition(
      values.count == episode.count,
      "expected \(episode.count) values, one a step, got \(values.count)")
    self.episode = episode
    self.values = values
    self.labels = labels
    self.origin = origin
    self.drops = ValueDrops.largest(
      in: values, window: window, count: drops, leastSize: leastDrop)
  }

  /// The figure.
  ///
  /// - Parameters:
  ///   - camera: Whose frames stand above V; nil for the first, if any.
  ///   - frames: How many, at regular moments.
  /// - Throws: `NoSuchCamera`; `ImageEncodingError` where memory is short.
  public func chart(camera: String? = nil, frames: Int = 8) throws -> Chart {
    let metadata = episode.metadata
    let last = Double(max(episode.count - 1, 1))
    var marks: [Marks] = []
    for stretch in Self.stretches(of: corrections) {
      marks.append(.span(x: Self.range(stretch), label: "corrected by a person", emphasis: .normal))
    }
    for drop in drops {
      marks.append(
        .span(
          x: Double(drop.start)...Double(drop.end),
          label: "−\(decimal(Double(drop.size), digits: 2)) at \(drop.moment)", emphasis: .strong))
    }
    marks.append(.line(name: "V", points: points(values.indices)))
    for drop in drops {
      marks.append(
        .line(
          name: "largest drops of V", points: points(drop.start..<drop.end + 1), emphasis: .strong))
    }
    if let mistake = metadata.mistakeAtStep, mistake != metadata.decidedAtStep {
      marks.append(
        .verticalRule(x: Double(mistake), label: "mistake at \(mistake)", emphasis: .quiet))
    }
    if let lost = metadata.decidedAtStep {
      marks.append(.verticalRule(x: Double(lost), label: "lost at \(lost)", emphasis: .quiet))
    }
    if let labels {
      marks.append(
        .strip(
          name: labels.positives.contains(true) ? "labelled positive" : "labelled positive: none",
          stretches: Self.stretches(of: labels.positives).map(Self.range)))
    }
    return Chart(
      title: "\(metadata.task.name): \(outcome)", subtitle: subtitle,
      x: Axis(label: "step (\(seconds) s at \(rate) Hz)", range: 0...last),
      y: Axis(label: "V: expected return", range: -1.03...0.03), marks: marks,
      pictures: try pictures(camera: camera, count: frames))
  }

  /// What happened, as the title says it.
  private var outcome: String {
    let metadata = episode.metadata
    return metadata.outcome.words + (metadata.reason.map { " (\($0))" } ?? "")
  }

  private var subtitle: String {
    let metadata = episode.metadata
    let missing =
      metadata.recordsImages && !metadata.embodiment.cameras.isEmpty
      ? "" : " Recorded without camera images."
    let unlabelled = labels == nil ? " Not labelled." : ""
    return "\(metadata.id). V from \(origin).\(unlabelled)\(missing)"
  }

  private var seconds: String {
    decimal(Double(episode.count) / episode.metadata.embodiment.controlRate, digits: 1)
  }

  private var rate: String {
    let rate = episode.metadata.embodiment.controlRate
    return rate == rate.rounded() ? decimal(rate, digits: 0) : decimal(rate, digits: 1)
  }

  /// Where a person took over; a demonstration is a person's from the start.
  private var corrections: [Bool] {
    episode.metadata.source == .demonstration ? [] : episode.interventions
  }

  private func points(_ steps: Range<Int>) -> [Point] {
    steps.map { Point(x: Double($0), y: Double(values[$0])) }
  }

  /// Frames at the middles of equal parts of the episode.
  private func pictures(camera name: String?, count: Int) throws -> [Picture] {
    let metadata = episode.metadata
    let cameras = metadata.recordsImages ? metadata.embodiment.cameras : []
    if let name, cameras.isEmpty { throw NoSuchCamera(name: name, known: []) }
    guard !cameras.isEmpty, count > 0 else { return [] }
    let wanted = name ?? cameras[0].name
    guard let index = cameras.firstIndex(where: { $0.name == wanted }) else {
      throw NoSuchCamera(name: wanted, known: cameras.map(\.name))
    }
    let camera = cameras[index]
    let shown = min(count, episode.count)
    return try (0..<shown).map { place in
      let step = (2 * place + 1) * episode.count / (2 * shown)
      let image = RGBImage(
        width: camera.width, height: camera.height,
        bytes: Array(episode.frame(of: index, at: step)))
      return Picture(
        x: Double(step), png: try image.png(), width: camera.width, height: camera.height,
        caption: "step \(step)")
    }
  }

  /// Stretches of steps that are true.
  static func stretches(of flags: [Bool]) -> [Range<Int>] {
    var stretches: [Range<Int>] = []
    for (step, flag) in flags.enumerated() where flag {
      if let last = stretches.last, last.upperBound == step {
        stretches[stretches.count - 1] = last.lowerBound..<step + 1
      } else {
        stretches.append(step..<step + 1)
      }
    }
    return stretches
  }

  /// Steps on the axis, each half a step wide to both sides.
  private static func range(_ steps: Range<Int>) -> ClosedRange<Double> {
    Double(steps.lowerBound) - 0.5...Double(steps.upperBound) - 0.5
  }
}

extension ValueFigure: Encodable {
  private enum CodingKeys: String, CodingKey {
    case episode, task, source, iteration, outcome, reason, decidedAtStep, mistakeAtStep, steps,
      valuesFrom,
      values, advantages
    case positives, corrections, drops
  }

  /// Numbers by step, and what is marked; advantages and positives where there are labels.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    let metadata = episode.metadata
    try container.encode(metadata.id, forKey: .episode)
    try container.encode(metadata.task.name, forKey: .task)
    try container.encode(metadata.source, forKey: .source)
    try container.encodeIfPresent(metadata.iteration, forKey: .iteration)
    try container.encode(metadata.outcome, forKey: .outcome)
    try container.encodeIfPresent(metadata.reason, forKey: .reason)
    try container.encodeIfPresent(metadata.decidedAtStep, forKey: .decidedAtStep)
    try container.encodeIfPresent(metadata.mistakeAtStep, forKey: .mistakeAtStep)
    try container.encode(episode.count, forKey: .steps)
    try container.encode(origin, forKey: .valuesFrom)
    try container.encode(values, forKey: .values)
    try container.encodeIfPresent(labels?.advantages, forKey: .advantages)
    try container.encodeIfPresent(labels?.positives, forKey: .positives)
    try container.encode(
      episode.metadata.source == .demonstration
        ? Array(repeating: false, count: episode.count) : episode.interventions,
      forKey: .corrections)
    try container.encode(drops, forKey: .drops)
  }
}

/// A camera that the episode has no frames of.
public struct NoSuchCamera: Error, Equatable, CustomStringConvertible {
  public let name: String
  public let known: [String]

  public var description: String {
    "the episode has no camera '\(name)'; it "
      + (known.isEmpty ? "was recorded without images" : "has \(known.joined(separator: ", "))")
  }
}
