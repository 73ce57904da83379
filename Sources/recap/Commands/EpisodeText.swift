import EpisodeStorage
import Episodes
import Foundation
import Monitoring

/// An episode in words, for `recap episodes show`.
struct EpisodeText {
  let row: EpisodeRow
  let episode: Episode
  let said: RaterWords

  /// What there is to know besides the columns.
  var summary: String {
    let metadata = episode.metadata
    let embodiment = metadata.embodiment
    let seconds = Double(episode.count) / embodiment.controlRate
    var table = TextTable([("", .left), ("", .left)])
    table.add(["episode", metadata.id])
    table.add(["task", "\(metadata.task.name): \(metadata.task.instruction)"])
    let recorded =
      row.outcome == row.recordedOutcome ? "" : " (recorded as \(row.recordedOutcome.words))"
    table.add(["outcome", row.outcome.words + recorded])
    table.add(["reason", metadata.reason ?? "–"])
    if let step = metadata.mistakeAtStep { table.add(["mistake", "from step \(step)"]) }
    if let step = metadata.decidedAtStep { table.add(["decided", "at step \(step)"]) }
    for stage in row.stages ?? [] {
      let own = row.recordedStages?.first { $0.name == stage.name }
      let words =
        own == nil
        ? stage.isDone ? "passed" : "failed"
        : (stage.isDone ? "done" : "not done") + (own == stage ? "" : " (recorded otherwise)")
      table.add([own == nil ? "criterion" : "stage", "\(stage.name): \(words)"])
    }
    for line in said.lines { table.add(["judged", line]) }
    if !said.divided.isEmpty { table.add(["disagreed", said.divided.joined(separator: ", ")]) }
    table.add([
      "length",
      "\(episode.count) of at most \(metadata.task.maximumSteps) steps, "
        + "\(decimal(seconds, 1)) s at \(decimal(embodiment.controlRate, 0)) Hz",
    ])
    table.add(["source", metadata.source.rawValue])
    table.add(["iteration", metadata.iteration.map(String.init) ?? "–"])
    table.add(["robot", "\(metadata.robot) (\(embodiment.name))"])
    table.add(["policy", metadata.policy?.rawValue ?? "– (a person)"])
    table.add(["guidance", metadata.guidance.map { "\($0)" } ?? "–"])
    table.add(["seed", String(metadata.seed)])
    table.add(["blob", "\(row.digest), \(row.bytes) bytes"])
    table.add(["corrections", text(of: corrections)])
    if let proposed { table.add(["proposed", proposed]) }
    for (name, steps) in subtasks { table.add(["subtask", "\(name): \(text(of: [steps]))"]) }
    return table.text
  }

  /// The same for programs: what the catalogue says, and all that the episode says of itself.
  func json() throws -> String {
    try jsonText(Document(catalogue: row, metadata: episode.metadata))
  }

  private struct Document: Encodable {
    var catalogue: EpisodeRow
    var metadata: EpisodeMetadata

    private enum CodingKeys: String, CodingKey { case catalogue, metadata }
    private enum MetadataKeys: String, CodingKey { case seed }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(catalogue, forKey: .catalogue)
      let nested = container.superEncoder(forKey: .metadata)
      try metadata.encode(to: nested)
      // The file has a number; most programs that read this JSON would round it.
      var overriding = nested.container(keyedBy: MetadataKeys.self)
      try overriding.encode(String(metadata.seed), forKey: .seed)
    }
  }

  /// One line a step: who acted, what was sensed, what was done.
  var steps: String {
    let hasProposals = episode.proposals != nil
    var table = TextTable(
      [("step", .right), ("by", .left), ("state", .left), ("action", .left)]
        + (hasProposals ? [("policy's own", .left)] : []))
    for step in 0..<episode.count {
      table.add(
        [
          String(step), episode.interventions[step] ? "person" : "policy",
          numbers(episode.observation(at: step).proprioception[...]),
          numbers(episode.action(at: step)),
        ] + (hasProposals ? [episode.proposal(at: step).map(numbers) ?? ""] : []))
    }
    return table.text
  }

  /// How far the policy's own actions were from the person's; nil where they are not known.
  private var proposed: String? {
    let steps = (0..<episode.count).filter { episode.proposal(at: $0) != nil }
    if steps.isEmpty { return nil }
    let distances = steps.flatMap { step in
      zip(episode.action(at: step), episode.proposal(at: step) ?? []).map { Double(abs($0 - $1)) }
    }
    let mean = distances.reduce(0, +) / Double(distances.count)
    return
      "the policy's own action is known at \(steps.count) of \(episode.interventionCount) of these "
      + "steps, and differs by \(decimal(mean, 3)) a value"
  }

  /// The stretches in which a person acted.
  var corrections: [Range<Int>] {
    Self.runs(of: episode.interventions).filter { $0.value }.map(\.steps)
  }

  /// The stretches of known subtasks, in order.
  var subtasks: [(name: String, steps: Range<Int>)] {
    let names = episode.metadata.task.subtasks
    return Self.runs(of: episode.subtasks).compactMap { value, steps in
      names.indices.contains(Int(value)) ? (names[Int(value)], steps) : nil
    }
  }

  /// Stretches of equal values.
  static func runs<T: Equatable>(of values: [T]) -> [(value: T, steps: Range<Int>)] {
    var runs: [(value: T, steps: Range<Int>)] = []
    for (step, value) in values.enumerated() {
      if let last = runs.last, last.value == value {
        runs[runs.count - 1].steps = last.steps.lowerBound..<step + 1
      } else {
        runs.append((value, step..<step + 1))
      }
    }
    return runs
  }

  private func text(of stretches: [Range<Int>]) -> String {
    stretches.isEmpty
      ? "none"
      : "steps " + stretches.map { "\($0.lowerBound)–\($0.upperBound - 1)" }.joined(separator: ", ")
  }

  private func numbers(_ values: ArraySlice<Float>) -> String {
    values.map { decimal(Double($0), 3) }.joined(separator: " ")
  }

  private func decimal(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
