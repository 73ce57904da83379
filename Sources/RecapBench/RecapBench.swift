import ArgumentParser

@main
struct RecapBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recap-bench",
    abstract: "Measures the learning engine, the data plane and what serves policies.",
    subcommands: [
      ModelCommand.self, MemoryCommand.self, TransportCommand.self, StoreCommand.self,
      FleetCommand.self, ServeCommand.self, RanksCommand.self,
    ],
    defaultSubcommand: ModelCommand.self)
}
