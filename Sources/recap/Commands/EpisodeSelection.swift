import ArgumentParser
import EpisodeStorage
import Episodes

/// Which episodes of a run are meant: those that satisfy every option that is given.
struct EpisodeSelection: ParsableArguments {
  @Option(help: "Only this task.")
  var task: String?

  @Option(parsing: .unconditional, help: "Only this iteration k.")
  var iteration: Int?

  @Option(help: "Only episodes in which this was meant to act; may be repeated.")
  var source: [EpisodeSource] = []

  @Option(help: "Only episodes with this outcome.")
  var outcome: Outcome?

  @Option(help: "Only this robot's.")
  var robot: String?

  func validate() throws {
    if let iteration, iteration < 0 {
      throw ValidationError("--iteration: got \(iteration); expected an integer, at least 0")
    }
  }

  var query: EpisodeQuery {
    EpisodeQuery(
      task: task, robot: robot, sources: source.isEmpty ? nil : Set(source),
      iteration: iteration, outcome: outcome)
  }
}
