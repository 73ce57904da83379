import ArgumentParser
import Monitoring
import PolicyServing

/// A robot whose program speaks openpi's protocol, in place of a driver.
struct OpenPIArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Wait at this port for a robot's program with openpi-client; 0 takes any free one.",
      valueName: "port"))
  var openpiPort: Int?

  @Option(
    help: ArgumentHelp(
      "With --openpi-port: the tasks that the robot does, with commas. (default: the invitation's, "
        + "or all of the run)",
      valueName: "names"))
  var tasks: String?

  @Option(
    help: ArgumentHelp(
      "With --openpi-port: what happens to an episode of which the program has not said how it ended: "
        + "unjudged (somebody judges it later), discard or failure."))
  var withoutVerdict = Self.usualVerdict

  @Option(
    help: ArgumentHelp(
      "With --openpi-port: seconds without a request after which an episode is given up."))
  var silence = Self.usualSilence

  @OptionGroup var serving: ServingArguments

  private static let usualVerdict = OpenPIRobot.WithoutVerdict.unjudged
  private static let usualSilence = 60.0

  func validate() throws {
    guard let openpiPort else {
      let serving = serving
      let others: [(String, Bool)] = [
        ("--tasks", tasks != nil), ("--without-verdict", withoutVerdict != Self.usualVerdict),
        ("--silence", silence != Self.usualSilence),
        ("--host", serving.host != ServingArguments.usualHost),
        ("--api-key-file", serving.apiKeyFile != nil),
        ("--trusted-network", serving.trustedNetwork), ("--map", !serving.rules.isEmpty),
        ("--resize", serving.resize),
      ]
      for (name, isGiven) in others where isGiven {
        throw ValidationError("\(name) goes with --openpi-port")
      }
      return
    }
    guard ServingArguments.ports.contains(openpiPort) else {
      throw ValidationError("--openpi-port: got \(openpiPort); expected 0 to 65535")
    }
    guard (1...86_400).contains(silence) else {
      throw ValidationError("--silence: got \(silence); expected 1 to 86400 seconds")
    }
  }

  /// What was asked for; nil without a port.
  func options() throws -> OpenPIOptions? {
    guard let openpiPort else { return nil }
    return OpenPIOptions(
      host: serving.host, port: openpiPort, apiKey: try serving.apiKey(), rules: serving.rules,
      fillsCameras: serving.resize,
      tasks: tasks.map { $0.split(separator: ",").map(String.init) },
      settings: OpenPIRobot.Settings(withoutVerdict: withoutVerdict, silence: .seconds(silence)))
  }

  /// The options as words, for a command that starts again.
  var words: [String] {
    guard let openpiPort else { return [] }
    var words = ["--openpi-port \(openpiPort)", "--host \(Shell.word(serving.host))"]
    if let tasks { words.append("--tasks \(Shell.word(tasks))") }
    if withoutVerdict != Self.usualVerdict {
      words.append("--without-verdict \(withoutVerdict.rawValue)")
    }
    if silence != Self.usualSilence { words.append("--silence \(silence)") }
    if let file = serving.apiKeyFile { words.append("--api-key-file \(Shell.word(file))") }
    if serving.trustedNetwork { words.append("--trusted-network") }
    words += serving.rules.map { "--map \(Shell.word("\($0.theirs)=\($0.ours)"))" }
    if serving.resize { words.append("--resize") }
    return words
  }
}

extension OpenPIRobot.WithoutVerdict: ExpressibleByArgument {}
