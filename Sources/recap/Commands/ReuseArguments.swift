import ArgumentParser

/// `--reuse`, of the commands that start runs.
struct ReuseArguments: ParsableArguments {
  @Option(
    name: .customLong("reuse"), parsing: .singleValue,
    help: ArgumentHelp(
      """
      Another run, or an experiment: jobs that it has done already with the same inputs and \
      settings are not done again. May be repeated.
      """, valueName: "directory"))
  var named: [RunArgument] = []

  func validate() throws {
    for place in named where RunArgument.runs(in: place.directory).isEmpty {
      throw ValidationError(
        "--reuse: \(place.directory) holds no run; expected the directory of a run or of an "
          + "experiment")
    }
  }

  /// What is named, with its runs.
  var places: [ReusedPlace] {
    named.map { ReusedPlace(name: $0.directory, runs: RunArgument.runs(in: $0.directory)) }
  }
}
