import ArgumentParser
import Dashboard
import Foundation
import PolicyServing

/// Who may come to an openpi port, and what clients call things.
struct ServingArguments: ParsableArguments {
  @Option(help: "The address to listen at for openpi's clients.")
  var host = Self.usualHost

  @Option(
    help: ArgumentHelp(
      "A file with the key that clients must send (openpi_client's api_key).", valueName: "file"))
  var apiKeyFile: String?

  @Flag(help: "Let everybody on the network ask who reaches --host, without a key.")
  var trustedNetwork = false

  @Option(
    name: .customLong("map"),
    help: ArgumentHelp(
      "A client's name for one of the policy's columns, as observation.state, environment_state or "
        + "a camera. Several for one column of numbers are joined. May be repeated.",
      valueName: "theirs=ours"))
  var rules: [ObservationMapping.Rule] = []

  @Flag(help: "Cut and scale pictures of other sizes to the camera's, instead of refusing them.")
  var resize = false

  static let usualHost = "127.0.0.1"
  static let ports = 0...65535

  func validate() throws {
    if apiKeyFile == nil, !trustedNetwork, !DashboardAccess.isLoopback(host) {
      throw ValidationError(
        "\(host) can be reached from elsewhere: --api-key-file FILE, or --trusted-network where "
          + "everybody may ask")
    }
  }

  /// - Throws: `ValidationError` for a file that holds no key.
  func apiKey() throws -> String? {
    try apiKeyFile.map { try SecretFile.text($0, option: "--api-key-file") }
  }
}

extension ObservationMapping.Rule: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
