import ArgumentParser
import Episodes
import Foundation
import Robots

/// `recap play`
struct PlayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "play",
    abstract: "Lets you do the workcell's tasks with the keyboard, or correct a policy.",
    discussion: """
      Draws what the workcell's camera sees, ten times a second. Arrows (or w a s d) move one arm over \
      the table, r and f up and down, space closes and opens its gripper, tab changes the arm, x \
      stops, p pauses and q ends. A key that is held moves on; a press moves for 0.3 s.

        recap play --task espresso --speed 0.5
        recap play --task box --record played --episodes 5

      Recorded episodes are demonstrations like any other: 'recap import episodes played my-run.yaml' \
      begins a run with them.

      With --run the run's current policy acts, and t takes over and hands back. Each step is recorded \
      with who acted and, where you did, with what the policy would have done:

        recap play --run runs/demo-1 --task espresso --record corrections
      """)

  @Option(help: "What to do: \(WorkcellTasks.names.joined(separator: ", ")).")
  var task = WorkcellTasks.names[0]

  @Option(help: "Decides where things lie; the same seed gives the same start.")
  var seed: UInt64 = 1

  @Option(help: "At most so many episodes.")
  var episodes = 1

  @Option(help: "How fast time goes: 1 is ten control steps a second, 0.5 half of that.")
  var speed = 1.0

  @Option(
    help: ArgumentHelp(
      "Record camera images of so many pixels a side too, 8 to 512.", valueName: "pixels"))
  var cameras: Int?

  @Option(help: ArgumentHelp("Record finished episodes into this folder.", valueName: "folder"))
  var record: String?

  @Option(help: "Let this run's current policy act until you take over.")
  var run: RunArgument?

  func validate() throws {
    guard WorkcellTasks.names.contains(task) else {
      throw ValidationError(
        "--task: got '\(task)'; expected \(WorkcellTasks.names.joined(separator: ", "))")
    }
    if episodes < 1 { throw ValidationError("--episodes: got \(episodes); expected at least 1") }
    guard (0.05...10).contains(speed) else {
      throw ValidationError("--speed: got \(speed); expected 0.05 to 10")
    }
    if let cameras, !(8...512).contains(cameras) {
      throw ValidationError("--cameras: got \(cameras); expected 8 to 512")
    }
    if cameras != nil, run != nil {
      throw ValidationError("--cameras: with --run the run says what is recorded")
    }
  }

  func run() async throws {
    let options = PlayOptions(
      task: task, seed: seed, episodes: episodes, speed: speed, cameras: cameras, folder: record,
      run: run?.directory)
    let played = try await stoppingOnSignals {
      try await RawTerminal.with { try await Composition.play(options, in: $0) }
    }
    for (index, episode) in played.enumerated() {
      let metadata = episode.metadata
      let seconds = Double(episode.count) / metadata.embodiment.controlRate
      let corrected = episode.interventions.count { $0 }
      print(
        "episode \(index + 1): \(metadata.outcome.words)"
          + (metadata.reason.map { " (\($0))" } ?? "")
          + String(format: ", %.1f s", seconds)
          + (metadata.source == .corrected ? ", \(corrected) of \(episode.count) steps yours" : ""))
    }
    if played.isEmpty { print("no episode was finished") }
    if let record, !played.isEmpty {
      print("\(played.count) recorded in \(record); a run begins with them by")
      print("recap import episodes \(record) CONFIGURATION")
    }
  }
}
