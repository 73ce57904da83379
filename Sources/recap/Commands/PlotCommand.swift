import ArgumentParser
import Monitoring
import RecapAlgorithm

/// `recap plot`
struct PlotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot", abstract: "Draws what a run learnt.", subcommands: [PlotValue.self])
}

/// `recap plot value`
struct PlotValue: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "value",
    abstract: "Draws the value function over an episode, as in the paper's Figure 4.",
    discussion: """
      V over time with frames of a camera above it; its largest drops in red; what a person \
      corrected shaded; where the attempt was lost, if the robot said so; steps whose action was \
      labelled positive as a strip under the axis.

        recap plot value runs/demo-1 'espresso/1/autonomous/0#7'
        recap plot value runs/demo-1 'espresso/2/evaluate/0#3' --output failure.png

      V comes from the newest label set that holds the episode; where none does, as with \
      evaluation episodes, the task's newest value function is asked. --values names another: \
      'espresso/1/labels', 'espresso/1/value', or 1 for the labels of iteration 1; 0 is \
      pre-training.

      A drop is measured over --window steps, as V(t) − V(t + window); the largest is marked \
      first, then the largest that shares no step with it, up to --drops. '−0.09 at 26' is a drop \
      by 0.09 over the shaded steps; at step 26 V fell most of all.

      Works at any time, also while the run goes on. --json prints values by step, labels \
      and drops, and draws only where --output is given.
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Argument(help: "The episode's id, or enough of its beginning; quote it, since it holds a '#'.")
  var episode: String

  @Option(
    help: ArgumentHelp(
      "A label set's or value checkpoint's job, or an iteration.", valueName: "job"))
  var values: String?

  @Option(
    help: ArgumentHelp(
      "The file to draw into; \(PictureFile.forms). Named after the episode if left out.",
      valueName: "file"))
  var output: PictureFile?

  @Option(help: "The camera whose frames are shown; the robot's first if left out.")
  var camera: String?

  @Option(parsing: .unconditional, help: "How many frames, at regular moments.")
  var frames = 8

  @Option(parsing: .unconditional, help: "How many of V's largest drops are marked, at most.")
  var drops = 3

  @Option(parsing: .unconditional, help: "Steps over which a drop is measured.")
  var window = ValueDrops.window

  @Option(
    parsing: .unconditional, help: "Drops smaller than this are not marked; V's whole range is 1.")
  var leastDrop = ValueDrops.leastSize

  @Flag(help: "Print JSON: values by step, labels where there are any, and the largest drops.")
  var json = false

  func validate() throws {
    for (name, value, least) in [
      ("--frames", frames, 0), ("--drops", drops, 0), ("--window", window, 1),
    ]
    where value < least {
      throw ValidationError("\(name): got \(value); expected an integer, at least \(least)")
    }
  }

  func run() async throws {
    let archive = try run.archive()
    let row = try await archive.episode(named: episode)
    let contents = try await archive.contents(of: row)
    let stored = try await StoredValues(of: row, episode: contents, choice: values, in: archive)
    let figure = ValueFigure(
      episode: contents, values: stored.values, labels: stored.labels, origin: stored.origin,
      drops: drops, window: window, leastDrop: leastDrop)
    if json { print(try jsonText(figure)) }
    if json && output == nil { return }
    let chart = try figure.chart(camera: camera, frames: frames)
    let file = output ?? PictureFile(path: Self.name(for: row.id), form: .svg)
    try file.write(chart, width: 960, height: chart.pictures.isEmpty ? 420 : 540)
    if !json { print("\(file.path): \(chart.title); V from \(stored.origin)") }
  }

  /// A file's name from an id: "value-espresso-1-autonomous-0-7.svg".
  private static func name(for id: String) -> String {
    "value-" + id.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" } + ".svg"
  }
}
