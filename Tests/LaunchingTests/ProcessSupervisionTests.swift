import Configuration
import Testing

@testable import Launching

/// When processes are started again, and when a launch is over.
@Suite struct SupervisionTests {
  private let restart = RestartSettings(
    limit: 3, forgottenAfterSeconds: 60, firstDelaySeconds: 1, longestDelaySeconds: 3)

  /// A coordinator, a labeller and two collectors, which run.
  private func running() -> ProcessSupervision {
    let size = ProcessSize(threads: 1, memoryGB: 1)
    let processes: [RoleProcess] = [
      ("coordinator", ProcessRole.coordinator), ("labeller", .labeller), ("left", .collector),
      ("right", .collector),
    ].map { RoleProcess(name: $0.0, role: $0.1, arguments: [], size: size) }
    var supervision = ProcessSupervision(processes, restart: restart, patience: .seconds(10))
    let commands = supervision.handle(.began, at: .zero)
    #expect(
      commands == [.start("coordinator"), .start("labeller"), .start("left"), .start("right")])
    return supervision
  }

  private func started(_ commands: [ProcessSupervision.Command]) -> [String] {
    commands.compactMap { if case .start(let name) = $0 { name } else { nil } }
  }

  private func killed(_ name: String) -> ProcessSupervision.Event {
    .exited(name, .signal(9), lastWords: "")
  }

  @Test func aKilledProcessStartsAgainWhenItsTimeHasCome() {
    var supervision = running()
    let commands = supervision.handle(killed("coordinator"), at: .seconds(5))
    #expect(started(commands).isEmpty)
    #expect(supervision.nextDeadline == .seconds(6))
    #expect(supervision.handle(.timePassed, at: .milliseconds(5900)).isEmpty)
    #expect(supervision.handle(.timePassed, at: .seconds(6)) == [.start("coordinator")])
    #expect(supervision.nextDeadline == nil)
    #expect(supervision.children[0].restarts == 1)
    #expect(supervision.outcome == nil)
  }

  @Test func waitsDoubleUpToTheLongestAndAreForgottenAfterALongLife() {
    var supervision = running()
    var now = Duration.zero
    for expected in [1, 2, 3] {
      _ = supervision.handle(killed("left"), at: now)
      #expect(supervision.nextDeadline == now + .seconds(expected))
      now += .seconds(expected)
      #expect(started(supervision.handle(.timePassed, at: now)) == ["left"])
    }
    // It lived for as long as it takes to be trusted again.
    now += .seconds(60)
    _ = supervision.handle(killed("left"), at: now)
    #expect(supervision.nextDeadline == now + .seconds(1))
    #expect(supervision.children[2].restarts == 4)
  }

  /// Kills a process as often as it takes.
  private func giveUp(_ name: String, of supervision: inout ProcessSupervision)
    -> [ProcessSupervision.Command]
  {
    var now = Duration.zero
    var commands: [ProcessSupervision.Command] = []
    for _ in 0...restart.limit {
      commands = supervision.handle(
        .exited(name, .status(1), lastWords: "no such robot"), at: now)
      now += .seconds(4)
      if supervision.nextDeadline != nil { _ = supervision.handle(.timePassed, at: now) }
    }
    return commands
  }

  @Test func theRunGoesOnWithoutOneOfTwoCollectors() {
    var supervision = running()
    let commands = giveUp("left", of: &supervision)
    #expect(supervision.children[2].state == .givenUp)
    #expect(supervision.outcome == nil && supervision.nextDeadline == nil)
    guard case .say(let line) = commands.first else {
      Issue.record("nothing is said")
      return
    }
    #expect(line.contains("given up after 3 restarts in a row: no such robot"))
  }

  @Test func theReasonOfAnEndIsNoneOfWhatWentWell() {
    var words = LastWords()
    words.add("2026-11-22T10:40:31+0000 info recap.worker: joined run long")
    #expect(words.text.isEmpty)
    let error = "2026-11-22T10:40:32+0000 error recap.worker: no robot"
    for line in ["one", "  ", "two", "three", error] { words.add(line) }
    words.add("2026-11-22T10:40:33+0000 notice recap.worker: goodbye")
    #expect(words.text == "two | three | \(error)")
    for line in ["Error: x", "a", "b", "Usage: recap", "  See --help"] { words.add(line) }
    #expect(words.text == "Error: x | a | b")
  }

  @Test func theRunFailsWithTheLastProcessOfARole() {
    var supervision = running()
    let commands = giveUp("labeller", of: &supervision)
    #expect(commands == [.terminate("left"), .terminate("right")])
    #expect(supervision.handle(killed("left"), at: .seconds(20)).isEmpty)
    // The coordinator hears what the workers have to say before its turn comes.
    #expect(
      supervision.handle(killed("right"), at: .seconds(20)) == [.terminate("coordinator")])
    _ = supervision.handle(.exited("coordinator", .status(130), lastWords: ""), at: .seconds(21))
    guard case .failed(let reason) = supervision.outcome else {
      Issue.record("got \(String(describing: supervision.outcome))")
      return
    }
    #expect(reason.hasPrefix("labeller ended with status 1 and was given up"))
  }

  @Test func theCoordinatorsGoodEndIsTheRuns() {
    var supervision = running()
    #expect(
      supervision.handle(.exited("left", .status(0), lastWords: ""), at: .seconds(1)).isEmpty)
    #expect(
      supervision.handle(.exited("coordinator", .status(0), lastWords: ""), at: .seconds(2))
        .isEmpty)
    // Who crashes now is not needed again.
    #expect(supervision.handle(killed("right"), at: .seconds(3)).isEmpty)
    #expect(supervision.outcome == nil)
    // Who has not heard that it is over is told.
    #expect(supervision.nextDeadline == .seconds(7))
    #expect(supervision.handle(.timePassed, at: .seconds(7)) == [.terminate("labeller")])
    _ = supervision.handle(killed("labeller"), at: .seconds(8))
    #expect(supervision.outcome == .finished)
  }

  @Test func aProcessThatWaitsToStartIsNotStartedOnceTheRunIsOver() {
    var supervision = running()
    _ = supervision.handle(killed("left"), at: .seconds(1))
    _ = supervision.handle(.exited("coordinator", .status(0), lastWords: ""), at: .seconds(1))
    for name in ["labeller", "right"] {
      _ = supervision.handle(.exited(name, .status(0), lastWords: ""), at: .seconds(2))
    }
    #expect(supervision.outcome == .finished)
    #expect(supervision.handle(.timePassed, at: .seconds(30)).isEmpty)
  }

  @Test(
    "what a restart would not mend ends the launch",
    arguments: [ProcessSupervision.failedStatus, ProcessSupervision.usageStatus])
  func permanentFailure(status: Int32) {
    var supervision = running()
    let commands = supervision.handle(
      .exited("coordinator", .status(status), lastWords: "the run failed: why"), at: .seconds(1))
    #expect(
      commands.suffix(3) == [.terminate("labeller"), .terminate("left"), .terminate("right")])
    for name in ["labeller", "left", "right"] {
      _ = supervision.handle(killed(name), at: .seconds(2))
    }
    guard case .failed(let reason) = supervision.outcome else {
      Issue.record("got \(String(describing: supervision.outcome))")
      return
    }
    #expect(reason.hasSuffix("the run failed: why"))
  }

  @Test func aWorkersStatusThatMeansAFailedRunForACoordinatorIsAnOrdinaryEnd() {
    var supervision = running()
    _ = supervision.handle(
      .exited("left", .status(ProcessSupervision.failedStatus), lastWords: ""), at: .seconds(1))
    #expect(supervision.nextDeadline == .seconds(2))
  }

  @Test func stoppingTakesWorkersBeforeTheCoordinatorAndKillsWhoDoesNotStop() {
    var supervision = running()
    #expect(
      supervision.handle(.stopAsked, at: .seconds(1))
        == [.terminate("labeller"), .terminate("left"), .terminate("right")])
    for name in ["labeller", "left"] {
      _ = supervision.handle(.exited(name, .status(130), lastWords: ""), at: .seconds(2))
    }
    #expect(supervision.nextDeadline == .seconds(11))
    let late = supervision.handle(.timePassed, at: .seconds(11))
    #expect(late.contains(.kill("right")) && late.last == .terminate("coordinator"))
    _ = supervision.handle(killed("right"), at: .seconds(12))
    #expect(supervision.handle(.timePassed, at: .seconds(21)) == [.kill("coordinator")])
    #expect(supervision.outcome == nil)
    _ = supervision.handle(killed("coordinator"), at: .seconds(21))
    #expect(supervision.outcome == .stopped)
  }

  @Test func askingTwiceDoesNotWait() {
    var supervision = running()
    _ = supervision.handle(.stopAsked, at: .seconds(1))
    #expect(
      supervision.handle(.stopAsked, at: .seconds(2))
        == [.kill("coordinator"), .kill("labeller"), .kill("left"), .kill("right")])
  }

  @Test func endsOfProcessesThatDoNotRunChangeNothing() {
    var supervision = running()
    _ = supervision.handle(killed("left"), at: .seconds(1))
    let before = supervision.children
    #expect(supervision.handle(killed("left"), at: .seconds(1)).isEmpty)
    #expect(supervision.handle(killed("nobody"), at: .seconds(1)).isEmpty)
    #expect(supervision.children == before)
  }
}
