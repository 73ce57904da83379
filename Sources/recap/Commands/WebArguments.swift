import ArgumentParser
import Dashboard
import Foundation
import HTTPService

/// How to follow the run.
struct WebArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Serve the dashboard at this address, such as 127.0.0.1:8080; port 0 takes any free one.",
      valueName: "address"))
  var http: WebAddress?

  @OptionGroup var secrets: WebSecrets

  @Option(
    name: .customLong("alert-webhook-file"),
    help: ArgumentHelp(
      "A file with a web address to which alerts are posted as JSON when they begin and end; needs "
        + "curl.", valueName: "file"))
  var webhookFile: String?

  func validate() throws {
    if http == nil, secrets.tokenFile != nil {
      throw ValidationError("--http-token-file goes with --http ADDRESS")
    }
    _ = try options()
  }

  /// - Throws: `ValidationError` for an address that needs a token and has none, and for a file that holds no
  ///   web address.
  func options() throws -> WatchingOptions {
    WatchingOptions(web: try http.map { try secrets.options(at: $0) }, webhook: try webhook())
  }

  private func webhook() throws -> AlertWebhook? {
    guard let webhookFile else { return nil }
    guard let text = try? String(contentsOfFile: webhookFile, encoding: .utf8) else {
      throw ValidationError("--alert-webhook-file: \(webhookFile) cannot be read")
    }
    let url = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard url.hasPrefix("https://") || url.hasPrefix("http://"), !url.contains(where: \.isNewline)
    else {
      throw ValidationError(
        "--alert-webhook-file: expected one line in \(webhookFile), such as "
          + "https://hooks.example.org/abc")
    }
    return AlertWebhook(url: url)
  }
}

/// Who may look and act.
struct WebSecrets: ParsableArguments {
  @Option(
    name: .customLong("http-token-file"),
    help: ArgumentHelp(
      "A file with the token that actions need, and reading too at any address but loopback.",
      valueName: "file"))
  var tokenFile: String?

  /// - Throws: `ValidationError` for a file that holds no token, or an address that needs one.
  func options(at address: WebAddress, pageFolder: String? = nil) throws -> WebOptions {
    let token = try tokenFile.map { try SecretFile.text($0, option: "--http-token-file") }
    if token == nil, !DashboardAccess.isLoopback(address.address.host) {
      throw ValidationError(
        "\(address.address.host) can be reached from elsewhere, so a token is needed: "
          + "--http-token-file FILE; or serve at 127.0.0.1 and come through a tunnel")
    }
    return WebOptions(address: address.address, token: token, pageFolder: pageFolder)
  }
}

/// A file that holds a secret: one line of at least 16 characters.
enum SecretFile {
  /// - Parameter option: Which names the file, for the error.
  /// - Throws: `ValidationError` for a file that holds none.
  static func text(_ file: String, option: String) throws -> String {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw ValidationError("\(option): \(file) cannot be read")
    }
    let secret = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard secret.count >= 16 else {
      throw ValidationError(
        "\(option): expected at least 16 characters in \(file); 'openssl rand -hex 24' makes some")
    }
    return secret
  }
}

/// A host and a port on the command line.
struct WebAddress: ExpressibleByArgument {
  var address: HTTPAddress

  init?(argument: String) {
    // A port alone is this machine's.
    guard let address = HTTPAddress(Int(argument) == nil ? argument : "127.0.0.1:\(argument)")
    else {
      return nil
    }
    self.address = address
  }

  var defaultValueDescription: String { "\(address.host):\(address.port)" }
}
