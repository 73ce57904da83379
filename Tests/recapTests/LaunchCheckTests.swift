import Foundation
import Glibc
import Launching
import Testing

/// What a launch finds out before it makes anything, and what it leaves when it fails.
@Suite struct LaunchCheckTests {
  private let folder: URL
  private var run: String { folder.appending(path: "run").path }

  init() throws { folder = try RecapProcess.temporaryFolder() }

  private func cluster(_ yaml: String) throws -> String {
    let file = folder.appending(path: "cluster-\(UUID().uuidString).yaml")
    try Data(yaml.utf8).write(to: file)
    return file.path
  }

  private func launch(
    _ yaml: String, _ more: String..., environment: [String: String]? = nil
  ) async throws -> RecapProcess.Result {
    try await RecapProcess.run(
      ["launch", "--cluster", try cluster(yaml), "Configs/smoke.yaml", "--dir", run] + more,
      environment: environment)
  }

  @Test(
    "--check and --dry-run refuse what could not be launched",
    arguments: [
      (
        "{kind: hosts, hosts: [{name: a, roles: [valueLearners, labellers, policyLearners, "
          + "collectors], robots: [cell-1]}]}", "no host takes the robot 'cell-2'"
      ),
      ("{kind: local, endpoint: 'ipc:///no/such/folder/s'}", "there is no directory /no/such/fold"),
      ("{kind: local, logs: /dev/null/logs}", "/dev/null is no directory"),
    ])
  func refusals(yaml: String, expected: String) async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for purpose in ["--check", "--dry-run"] {
      let result = try await launch(yaml, purpose)
      #expect(result.status != 0 && result.errors.contains(expected), "\(result.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: run))
  }

  @Test("ranks need MPI, which is said before anything else is done")
  func ranks() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    // Whichever way this program was built, there is no mpirun in an empty PATH.
    let result = try await launch(
      "{kind: local, roles: {policyLearners: {ranks: 2}}}", "--check", environment: ["PATH": ""])
    #expect(result.status != 0)
    #expect(result.errors.contains("roles.policyLearners.ranks: "), "\(result.errors)")
  }

  @Test("a directory that holds a run is refused by --check too")
  func existing() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    // A submission that fails leaves the run, and how to go on.
    let tools = folder.appending(path: "bin")
    try FileManager.default.createDirectory(at: tools, withIntermediateDirectories: true)
    func tool(_ name: String, _ script: String) throws {
      let file = tools.appending(path: name)
      try Data("#!/bin/sh\n\(script)\n".utf8).write(to: file)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    }
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] = "\(tools.path):\(environment["PATH"] ?? "")"
    try tool("sbatch", "echo 'sbatch: error: no such partition' >&2; exit 1")
    try tool("squeue", "exit 1")
    let failed = try await launch("kind: slurm", environment: environment)
    #expect(failed.status != 0 && failed.errors.contains("no such partition"), "\(failed.errors)")
    #expect(failed.errors.contains("recap launch --resume \(run)"), "\(failed.errors)")

    for purpose in ["--check", "--dry-run"] {
      let again = try await launch("kind: slurm", purpose)
      #expect(again.status != 0 && again.errors.contains("already holds run"), "\(again.errors)")
    }

    try tool("sbatch", "echo 12")
    let resumed = try await RecapProcess.run(
      ["launch", "--resume", run], environment: environment)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.output.contains("submitted jobs 12 "), "\(resumed.output)")
    // The keys by which its workers are let in.
    for name in ["coordinator.pub", "policy-learner.key", "collector.key"] {
      #expect(FileManager.default.fileExists(atPath: "\(run)/keys/\(name)"))
    }
    let status = try await RecapProcess.run(
      ["launch", "status", run, "--json"], environment: environment)
    #expect(status.output.contains("\"slurm\""), "\(status.output)\(status.errors)")
  }

  @Test("logs that cannot be written refuse a launch before the run is made, with the reason")
  func logs() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let result = try await launch("{kind: local, logs: /proc/nowhere/logs}")
    #expect(result.status != 0)
    #expect(
      result.errors.contains("cannot write logs at /proc/nowhere/logs: ")
        && !result.errors.contains("could not be completed"), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: run))
  }

  @Test("one node's loopback address under Slurm is worth a word")
  func caution() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let result = try await launch("{kind: slurm, endpoint: 'tcp://127.0.0.1:*'}", "--dry-run")
    #expect(result.status == 0 && result.errors.contains("only its own node"), "\(result.errors)")
    let usual = try await launch("kind: slurm", "--dry-run")
    #expect(usual.status == 0 && usual.errors.isEmpty, "\(usual.errors)")
  }

  @Test("a launch that other machines reach runs to its end with the run's keys")
  func keys() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let port = Int.random(in: 20_000..<30_000)
    let yaml = "{kind: local, endpoint: 'tcp://0.0.0.0:\(port)'}"
    let holder = try SocketHolder(port: UInt16(port))
    let refused = try await launch(yaml)
    holder.close()
    #expect(refused.status != 0 && refused.errors.contains("tcp://0.0.0.0:\(port)"))
    #expect(!FileManager.default.fileExists(atPath: run), "\(refused.errors)")

    let result = try await launch(yaml)
    #expect(result.status == 0, "\(result.errors)")
    let log = try String(contentsOfFile: "\(run)/logs/coordinator.log", encoding: .utf8)
    #expect(log.contains("listening at tcp://0.0.0.0:\(port), for those with a key"), "\(log)")
    let status = try await RecapProcess.run("launch", "status", run, "--json")
    #expect(!status.output.contains("\"slurm\""), "\(status.output)")
  }

  @Test("help of launch has the options of what it does")
  func help() async throws {
    let result = try await RecapProcess.run("launch", "--help")
    for option in ["--cluster", "--dry-run", "--check", "--set", "--resume"] {
      #expect(result.output.contains(option), "\(option): \(result.output)")
    }
  }

  @Test("a missing directory of runs is refused like a missing run")
  func missing() async throws {
    let list = try await RecapProcess.run("runs", "list", "nowhere")
    let show = try await RecapProcess.run("runs", "show", "nowhere")
    #expect(list.status == 1 && show.status == 1)
    #expect(!list.errors.contains("Usage"), "\(list.errors)")
  }
}

/// A port that somebody else has.
private struct SocketHolder {
  private let descriptor: Int32

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(bound == 0 && listen(descriptor, 1) == 0)
  }

  func close() { _ = Glibc.close(descriptor) }
}
