import Configuration
import Foundation
import Subprocess
import SystemPackage

/// Starts processes of this machine and keeps them going as `ProcessSupervision` decides. Should this process be killed, their
/// standard input ends, and they stop by themselves.
public actor ProcessSupervisor {
  private let commands: [String: ProcessCommand]
  private let console: LaunchConsole
  private let logs: [String: ProcessLog]
  private let changed: @Sendable ([ProcessStatus]) -> Void
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var supervision: ProcessSupervision
  private var pids: [String: Int32] = [:]
  private var timer: Task<Void, Never>?
  private let events: AsyncStream<ProcessSupervision.Event>
  private let inbox: AsyncStream<ProcessSupervision.Event>.Continuation

  /// - Parameters:
  ///   - processes: The coordinator first.
  ///   - commands: How each is started, by the same names.
  ///   - logs: The directory of their logs, one a process.
  ///   - changed: Told how the processes are whenever that changes.
  /// - Throws: When a log cannot be opened.
  public init(
    _ processes: [RoleProcess], commands: [ProcessCommand], restart: RestartSettings,
    patience: Duration, logs: String, console: LaunchConsole,
    changed: @escaping @Sendable ([ProcessStatus]) -> Void
  ) throws {
    self.commands = Dictionary(uniqueKeysWithValues: commands.map { ($0.name, $0) })
    self.console = console
    self.changed = changed
    self.logs = Dictionary(
      uniqueKeysWithValues: try processes.map {
        ($0.name, try ProcessLog(path: "\(logs)/\($0.name).log"))
      })
    supervision = ProcessSupervision(processes, restart: restart, patience: patience)
    start = clock.now
    (events, inbox) = AsyncStream.makeStream()
  }

  /// Runs the processes until the run is over, or until the task is cancelled, which stops them cleanly.
  public func run() async -> ProcessSupervision.Outcome {
    // Not the caller's task: the processes have their time to stop even though that was cancelled.
    let work = Task { await self.loop() }
    return await withTaskCancellationHandler {
      await work.value
    } onCancel: {
      inbox.yield(.stopAsked)
    }
  }

  private func loop() async -> ProcessSupervision.Outcome {
    inbox.yield(.began)
    for await event in events {
      for command in supervision.handle(event, at: clock.now - start) { carryOut(command) }
      changed(statuses)
      if let outcome = supervision.outcome {
        timer?.cancel()
        return outcome
      }
      setTimer()
    }
    return .stopped
  }

  private var statuses: [ProcessStatus] {
    supervision.children.map { ProcessStatus($0, pid: pids[$0.name]) }
  }

  private func setTimer() {
    timer?.cancel()
    guard let deadline = supervision.nextDeadline else { return }
    let (clock, inbox, time) = (clock, inbox, start + deadline)
    timer = Task {
      guard (try? await Task.sleep(until: time, clock: clock)) != nil else { return }
      inbox.yield(.timePassed)
    }
  }

  private func carryOut(_ command: ProcessSupervision.Command) {
    switch command {
    case .start(let name):
      Task {
        let (exit, lastWords) = await self.live(name)
        inbox.yield(.exited(name, exit, lastWords: lastWords))
      }
    case .terminate(let name): signal(name, SIGTERM, group: false)
    case .kill(let name): signal(name, SIGKILL, group: true)
    case .say(let line): console.say(line)
    }
  }

  /// - Parameter group: Also to what the process has started.
  private func signal(_ name: String, _ number: Int32, group: Bool) {
    guard let pid = pids[name] else {
      // It is about to start: a process that never hears of the stop would run on.
      pending[name] = number
      return
    }
    _ = kill(group ? -pid : pid, number)
  }

  /// Signals for processes that have no pid yet.
  private var pending: [String: Int32] = [:]

  // MARK: - A process

  /// One life of a process.
  ///
  /// - Returns: How it ended, and the last that it wrote.
  private func live(_ name: String) async -> (ProcessSupervision.Exit, lastWords: String) {
    guard let command = commands[name], let log = logs[name], let program = command.words.first
    else { return (.notStarted("there is no command for it"), "") }
    var options = PlatformOptions()
    // Of its own, so that Ctrl-C in a terminal reaches the launcher alone, which stops the processes in order.
    options.processGroupID = 0
    var lastWords = LastWords()
    do {
      let result = try await Subprocess.run(
        program.contains("/") ? .path(FilePath(program)) : .name(program),
        arguments: Arguments(Array(command.words.dropFirst())),
        environment: .inherit.updating([Lifeline.key: "1"]), platformOptions: options,
        input: .inputWriter,
        output: .fileDescriptor(
          FileDescriptor(rawValue: log.descriptor), closeAfterSpawningProcess: false),
        error: .sequence
      ) { execution in
        began(name, Int32(execution.processIdentifier.value), log)
        for try await line in execution.standardError.strings(bufferingPolicy: .unbounded) {
          log.add(line)
          console.print(line, of: name)
          lastWords.add(line)
        }
      }
      ended(name)
      let exit: ProcessSupervision.Exit =
        switch result.terminationStatus {
        case .exited(let status): .status(Int32(status))
        case .signaled(let number): .signal(Int32(number))
        }
      return (exit, lastWords.text)
    } catch {
      ended(name)
      return (.notStarted("\(error)"), lastWords.text)
    }
  }

  private func began(_ name: String, _ pid: Int32, _ log: ProcessLog) {
    pids[name] = pid
    log.add("--- process \(pid) began at \(Date().formatted(.iso8601))")
    if let number = pending.removeValue(forKey: name) { _ = kill(pid, number) }
    changed(statuses)
  }

  private func ended(_ name: String) {
    pids[name] = nil
    pending[name] = nil
  }
}

extension Lifeline {
  static var key: Environment.Key { Environment.Key(stringLiteral: variable) }
}

/// How a process is, for people and programs that ask.
public struct ProcessStatus: Codable, Hashable, Sendable {
  public var name: String
  public var role: ProcessRole
  /// "running", "waiting" (to be started again), "done" or "given up".
  public var state: String
  /// Of the process that runs; nil for others.
  public var pid: Int32?
  public var restarts: Int

  init(_ child: ProcessSupervision.Child, pid: Int32?) {
    name = child.name
    role = child.role
    restarts = child.restarts
    self.pid = pid
    state =
      switch child.state {
      case .running: "running"
      case .waiting: "waiting"
      case .done: "done"
      case .givenUp: "given up"
      }
  }
}
