import Configuration
import Testing

@testable import Launching

/// Which processes a cluster file means, and how they are started.
@Suite struct MachineLaunchTests {
  private func launch(_ yaml: String, directory: String = "runs/demo-1") throws -> Launch {
    Launch(
      cluster: try ClusterFile(yaml: yaml), directory: directory, run: "demo",
      robots: ["cell-1", "cell-2"])
  }

  private func local(_ launch: Launch) -> MachineLaunch {
    MachineLaunch(
      local: launch, program: "/bin/recap", workingDirectory: "/home/me", fallback: "/tmp/x.sock")
  }

  @Test func aProcessForEachLearnerAndRobot() throws {
    let launch = try launch(
      "{kind: local, roles: {policyLearners: {count: 2, threads: 3}, labellers: {memoryGB: 2}}}")
    let machine = local(launch)
    #expect(
      machine.processes.map(\.name) == [
        "coordinator", "value-learner", "labeller", "policy-learner-1", "policy-learner-2",
        "collector-cell-1", "collector-cell-2",
      ])
    let place = "ipc:///home/me/runs/demo-1/coordinator.sock"
    #expect(
      machine.commands[0].words
        == ["/bin/recap", "coordinator", "--resume", "runs/demo-1", "--listen", place])
    #expect(
      machine.commands[4].words == [
        "/bin/recap", "policy-learner", "--connect", place, "--name", "policy-learner-2",
        "--states", "runs/demo-1/training", "--threads", "3",
      ])
    #expect(
      machine.commands[6].words == [
        "/bin/recap", "collector", "--connect", place, "--name", "cell-2", "--spool",
        "runs/demo-1/spool/cell-2",
      ])
    #expect(machine.need == ProcessSize(threads: 11, memoryGB: 7))
  }

  @Test func everyLearnerAndLabellerIsToldItsThreads() throws {
    let machine = local(try launch("{kind: local, roles: {labellers: {threads: 4}}}"))
    let labeller = try #require(machine.commands.first { $0.name == "labeller" })
    #expect(labeller.words.suffix(2) == ["--threads", "4"])
  }

  @Test("at an address that other machines reach, the run's keys let its processes in")
  func keys() throws {
    let reached = try launch("{kind: local, endpoint: 'tcp://0.0.0.0:7700'}")
    let machine = local(reached)
    #expect(reached.keys == "runs/demo-1/keys")
    #expect(machine.endpoint == "tcp://0.0.0.0:7700")
    for command in machine.commands.dropFirst() {
      let words = command.words.joined(separator: " ")
      #expect(words.contains(" --connect tcp://127.0.0.1:7700 "), "\(words)")
      #expect(words.contains(" --keys runs/demo-1/keys"), "\(words)")
    }
    #expect(try launch("{kind: local, endpoint: 'tcp://127.0.0.1:7700'}").keys == nil)
    #expect(
      try launch("{kind: local, endpoint: 'tcp://0.0.0.0:7700', trustedNetwork: true}").keys == nil)
  }

  @Test func aLearnerOfSeveralRanksIsStartedByMpirun() throws {
    let machine = local(
      try launch(
        "{kind: local, roles: {valueLearners: {ranks: 3, threads: 2, memoryGB: 4}}}"))
    let place = "ipc:///home/me/runs/demo-1/coordinator.sock"
    #expect(
      machine.commands[1].words == [
        "mpirun", "-n", "3", "--oversubscribe", "--bind-to", "none", "--mca",
        "odls_base_sigkill_timeout", "10", "/bin/recap", "value-learner", "--connect", place,
        "--name", "value-learner", "--states", "runs/demo-1/training", "--threads", "2", "--mpi",
      ])
    #expect(machine.commands.count { $0.words.contains("--mpi") } == 1)
    // Four processes of one core, six cores of ranks; 2 of 0.5, 3 of 1 and 3 of 4.
    #expect(machine.need == ProcessSize(threads: 11, memoryGB: 16))
    let away = try MachineLaunch(
      hosts: launch(
        """
        kind: hosts
        roles: {policyLearners: {ranks: 2}}
        hosts:
          - {name: here, roles: [valueLearners, labellers, collectors]}
          - {name: a, ssh: me@a, program: ~/recap, roles: [policyLearners]}
        """), program: "/bin/recap")
    let last = away.commands.first { $0.name == "policy-learner" }?.words.last ?? ""
    #expect(last.contains("RECAP_STOP_WITH_STDIN=1 mpirun -n 2 --oversubscribe --bind-to none "))
    #expect(last.contains(" ~/recap policy-learner --connect tcp://127.0.0.1:"))
  }

  @Test func aDeepRunDirectoryHasItsSocketElsewhere() throws {
    let deep = "/" + String(repeating: "d", count: 100)
    #expect(local(try launch("kind: local", directory: deep)).endpoint == "ipc:///tmp/x.sock")
  }

  @Test func hostsTakeTheirRolesInTurnAndTheirOwnRobots() throws {
    let launch = try launch(
      """
      kind: hosts
      roles: {policyLearners: {count: 3}}
      hosts:
        - {name: here, roles: [valueLearners, labellers]}
        - {name: a, ssh: me@a, directory: /data/recap, roles: [policyLearners, collectors]}
        - {name: b, ssh: b, program: /opt/recap, roles: [policyLearners, collectors], robots: [cell-1]}
      """)
    let machine = try MachineLaunch(hosts: launch, program: "/bin/recap")
    let words = Dictionary(
      uniqueKeysWithValues: machine.commands.map { ($0.name, $0.words) })
    func destination(_ name: String) -> String? {
      words[name]?.first == "ssh" ? words[name]?.dropLast().last : nil
    }
    #expect(words["coordinator"]?.first == "/bin/recap")
    #expect(destination("labeller") == nil)
    #expect(
      ["policy-learner-1", "policy-learner-2", "policy-learner-3"].map(destination)
        == ["me@a", "b", "me@a"])
    #expect(destination("collector-cell-1") == "b")
    #expect(destination("collector-cell-2") == "me@a")
    // Its tunnel and its directories are those of the other machine.
    let collector = try #require(words["collector-cell-1"])
    let tunnel = try #require(collector.first { $0.hasSuffix(":127.0.0.1:7700") })
    let port = try #require(tunnel.split(separator: ":").dropFirst().first)
    #expect(
      collector.last
        == "mkdir -p /tmp/recap && cd /tmp/recap && exec env RECAP_STOP_WITH_STDIN=1 /opt/recap "
        + "collector --connect tcp://127.0.0.1:\(port) --name cell-1 --spool spool/cell-1")
    let ports = words.values.compactMap { $0.first { $0.hasSuffix(":127.0.0.1:7700") } }
    #expect(ports.count == 5 && Set(ports).count == 5)
    // What ~/.ssh/config says of shared connections would let a tunnel outlive its process.
    #expect(collector.contains("ControlMaster=no") && collector.contains("ControlPath=none"))
  }

  @Test func aSecondLaunchMayHaveTunnelsOfItsOwn() throws {
    let machine = try MachineLaunch(
      hosts: launch(
        """
        kind: hosts
        tunnelPort: 20000
        hosts: [{name: a, ssh: a, roles: [valueLearners, labellers, policyLearners, collectors]}]
        """), program: "/bin/recap")
    #expect(machine.commands[1].words.contains("127.0.0.1:20001:127.0.0.1:7700"))
    #expect(machine.commands[1].words.last?.contains("--connect tcp://127.0.0.1:20001 ") == true)
  }

  @Test func aRobotThatNoHostTakesIsNamed() throws {
    let launch = try launch(
      """
      kind: hosts
      hosts:
        - name: all
          roles: [valueLearners, labellers, policyLearners, collectors]
          robots: [cell-1]
      """)
    let error = #expect(throws: UnplacedRobot.self) {
      try MachineLaunch(hosts: launch, program: "/bin/recap")
    }
    #expect(error?.robot == "cell-2")
  }

  @Test func linesHaveTheNamesOfTheirProcessesBeforeThem() {
    let plain = LaunchConsole(names: ["coordinator", "left"], usesColour: false) { _ in }
    #expect(plain.text("joined", of: "left") == "left        │ joined\n")
    let coloured = LaunchConsole(names: ["coordinator", "left"], usesColour: true) { _ in }
    #expect(coloured.text("joined", of: "left") == "\u{1B}[33mleft        │\u{1B}[0m joined\n")
  }
}
