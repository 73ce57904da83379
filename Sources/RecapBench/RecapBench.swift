import ArgumentParser

@main
struct RecapBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recap-bench",
    abstract: "Measures the learning engine and what serves its policies.",
    subcommands: [ModelCommand.self, MemoryCommand.self, ServeCommand.self],
    defaultSubcommand: ModelCommand.self)
}
