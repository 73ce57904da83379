import ArgumentParser

/// `--set`, of every command that reads a configuration.
struct OverrideArguments: ParsableArguments {
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp(
      "Replaces a setting; the value is YAML. May be repeated.", valueName: "key.path=value"))
  var texts: [String] = []
}
