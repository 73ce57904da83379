import ArgumentParser
import Configuration
import CoordinatorRole
import EpisodeStorage
import Episodes
import Monitoring
import RecapAlgorithm

/// `recap label`
struct LabelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label", abstract: "What is called better than usual.",
    subcommands: [PreviewLabels.self])
}

/// A lookahead on the command line: steps, or "end".
struct LookaheadArgument: ExpressibleByArgument {
  /// As it was written.
  var text: String
  /// Nil for N = T.
  var steps: Int?

  init?(argument: String) {
    text = argument
    steps = Int(argument)
  }

  var isValid: Bool { text == "end" || (steps ?? 0) >= 1 }
}

/// `recap label preview`
struct PreviewLabels: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preview",
    abstract: "Shows what other labelling settings would give, before anything is written.",
    discussion: """
      Takes the values that a label set of the run stores, computes advantages and the threshold \
      anew, and shows the threshold ε, the share of positive labels by source, and how the \
      advantages are spread. Nothing is stored. Without options it shows the label set as it is.

        recap label preview runs/demo-1 --task espresso --positive-share 0.2
        recap label preview runs/demo-1 --task espresso --lookahead 20 --output a.svg

      'correction' are steps that a person corrected, which are positive by definition. The \
      settings for a run are 'positiveShare' of a task or of 'method', and 'method.lookahead'.

      Works at any time, also while the run goes on.
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Option(help: "The task whose labels to look at.")
  var task: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The share p of positive labels, in (0, 1); the label set's own if left out.",
      valueName: "p"))
  var positiveShare: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The lookahead N in steps, or 'end' for the end of the episode; the label set's own if left "
        + "out.", valueName: "steps"))
  var lookahead: LookaheadArgument?

  @Option(
    parsing: .unconditional,
    help:
      "Values from iteration k's label set, 0 for pre-training's; the task's newest if left out.")
  var iteration: Int?

  @Option(
    help: ArgumentHelp(
      "Also draw the histogram into this file; \(PictureFile.forms).", valueName: "file"))
  var output: PictureFile?

  @Flag(help: "Print JSON: threshold, shares and histogram.")
  var json = false

  func validate() throws {
    if let positiveShare, !(positiveShare > 0 && positiveShare < 1) {
      throw ValidationError(
        "--positive-share: got \(positiveShare); expected a number greater than 0 and less than 1")
    }
    if let lookahead, !lookahead.isValid {
      throw ValidationError(
        "--lookahead: got \(lookahead.text); expected an integer, at least 1, or 'end'")
    }
  }

  func run() async throws {
    let archive = try run.archive()
    let set = try await labelSet(in: archive)
    let configuration = try await RunConfiguration(of: archive)
    let episodes = try await archive.valuedEpisodes(of: task, in: set)
    if episodes.isEmpty { throw NoLabelsYet(directory: archive.directory) }
    let preview = try LabelPreview(
      of: episodes, task: task, in: set, of: configuration, positiveShare: positiveShare,
      lookahead: lookahead.map(\.steps))
    let figure = LabelPreviewFigure(preview, origin: "label set \(set.metadata.job)")
    try output?.write(figure.chart)
    print(json ? try jsonText(preview) + "\n" : figure.text(), terminator: "")
    if let output, !json { print("\ndrawn into \(output.path)") }
  }

  /// - Throws: `NothingSuch` for a task or an iteration without labels.
  private func labelSet(in archive: ArchiveReader) async throws -> LabelSetRow {
    let all = try await archive.labelSets()
    let sets = all.filter { $0.metadata.tasks[task] != nil }
    guard let newest = sets.last else {
      let known = Set(all.flatMap { $0.metadata.tasks.keys }).sorted()
      if known.isEmpty { throw NoLabelsYet(directory: archive.directory) }
      throw NothingSuch(what: "labels for the task", wanted: task, known: known)
    }
    guard let iteration else { return newest }
    guard let set = sets.last(ofIteration: iteration) else {
      throw NothingSuch(
        what: "labels of \(task) for iteration", wanted: "\(iteration)",
        known: sets.map { "\($0.iteration ?? 0)" })
    }
    return set
  }
}

/// A run that has not labelled anything.
struct NoLabelsYet: Error, CustomStringConvertible {
  var directory: String

  var description: String {
    "\(directory) has no label set yet; the first is there after pre-training"
  }
}
