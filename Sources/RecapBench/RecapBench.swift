import ArgumentParser

@main
struct RecapBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recap-bench",
    abstract: "Measures the learning engine and the data plane.",
    subcommands: [
      ModelCommand.self, MemoryCommand.self, TransportCommand.self, StoreCommand.self,
      FleetCommand.self,
    ],
    defaultSubcommand: ModelCommand.self)
}
