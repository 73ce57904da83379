import Testing

/// `recap collector --openpi-port` before it reaches anybody; Tests/OpenPI has a whole run.
@Suite(.timeLimit(.minutes(1))) struct OpenPICollectorTests {
  @Test(
    "what does not go together is said",
    arguments: [
      (["--openpi-port", "0", "--driver", "ipc:///d"], "--driver or --openpi-port"),
      (["--map", "a=state"], "--map goes with --openpi-port"),
      (["--resize"], "--resize goes with --openpi-port"),
      (["--host", "127.0.0.2"], "--host goes with --openpi-port"),
      (["--silence", "5"], "--silence goes with --openpi-port"),
      (["--without-verdict", "failure"], "--without-verdict goes with --openpi-port"),
      (["--openpi-port", "70000"], "--openpi-port: got 70000; expected 0 to 65535"),
      (["--openpi-port", "0", "--silence", "0"], "--silence: got 0.0; expected 1 to 86400"),
      (["--openpi-port", "0", "--host", "0.0.0.0"], "--api-key-file FILE, or --trusted-network"),
      (["--openpi-port", "0", "--without-verdict", "success"], "discard"),
    ])
  func combinations(options: [String], reason: String) async throws {
    let result = try await RecapProcess.run(
      ["collector", "--connect", "ipc:///tmp/nobody.ipc", "--name", "arm"] + options)
    #expect(result.status != 0)
    #expect(result.errors.contains(reason), "\(result.errors)")
  }
}
