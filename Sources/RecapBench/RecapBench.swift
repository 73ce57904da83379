import ArgumentParser

@main
struct RecapBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recap-bench", abstract: "Measures the learning engine.",
    subcommands: [ModelCommand.self, MemoryCommand.self],
    defaultSubcommand: ModelCommand.self)
}
