import ArgumentParser
import Configuration
import DurableFiles
import EpisodeStorage
import Executors
import Foundation
import Launching
import Monitoring
import Robots

extension Composition {
  /// Launches a run as a cluster file says.
  ///
  /// - Throws: What is wrong with the files; `LaunchedAlready` and `ArchiveError.locked` where another process has the
  ///   run; `LaunchFailed` when the run ended before its plan was done; exit status 130 after Ctrl-C.
  static func launch(_ options: LaunchOptions) async throws {
    if case .resume(let directory) = options.source,
      let record = try LaunchRecord.read(from: directory), record.cluster.kind == .kubernetes
    {
      return try await goOnOnKubernetes(directory, record, options)
    }
    let prepared = try await prepare(options)
    let program = try ownProgram()
    let plan = try text(of: prepared, program: program)
    try await check(prepared)
    for line in cautions(about: prepared, program: program) { say(line) }
    switch options.purpose {
    case .check:
      let robots = prepared.launch.robots.count
      print(
        "\(prepared.file) is a cluster file of kind \(prepared.launch.cluster.kind.rawValue); "
          + "the run \(prepared.launch.run) has \(robots) robot\(robots == 1 ? "" : "s")")
    case .dryRun: print(plan, terminator: "")
    case .launch:
      switch prepared.launch.cluster.kind {
      case .local, .hosts: try await launchHere(prepared, program: program, quiet: options.quiet)
      case .slurm: try await submit(prepared, program: program)
      case .kubernetes: try await apply(prepared)
      }
    }
  }

  /// What is to be launched, checked, with nothing made yet.
  struct PreparedLaunch {
    var launch: Launch
    /// The cluster file's path.
    var file: String
    var source: RunOptions.Source
    var configuration: RunConfiguration
  }

  private static func prepare(_ options: LaunchOptions) async throws -> PreparedLaunch {
    var (cluster, file) = (ClusterFile.defaults, "")
    if let path = options.cluster {
      (cluster, file) = (try ClusterFile.load(file: path), path)
    }
    switch options.source {
    case .configuration(let path, let overrides, let directory):
      let configuration = try RunConfiguration.load(
        file: path, overrides: overrides, workcellTasks: WorkcellTasks.names)
      cluster = try check(cluster, options.cluster, against: configuration)
      let place =
        directory
        ?? RunDirectory.unusedDirectory(
          "\(cluster.runs)/\(configuration.name)-\(configuration.seed)")
      return prepared(
        cluster, file, configuration, place, .checked(configuration, directory: place))
    case .resume(let directory):
      if options.cluster == nil {
        guard let record = try LaunchRecord.read(from: directory) else {
          throw NeverLaunched(directory: directory)
        }
        (cluster, file) = (record.cluster, record.file)
      }
      // The archive is here, and Kubernetes has it on a volume of its own.
      if cluster.kind == .kubernetes { throw ResumedElsewhere(directory: directory) }
      let run = try await ArchiveReader(directory: directory).run()
      let configuration = try RunConfiguration(resolvedJSON: run.configuration)
      cluster = try check(cluster, options.cluster, against: configuration)
      return prepared(cluster, file, configuration, directory, options.source)
    case .checked, .resumeOrBegin: preconditionFailure("not what a command line can ask for")
    }
  }

  /// A cluster file that was read before the run was known, with what the two have to do with each other checked too.
  private static func check(
    _ cluster: ClusterFile, _ file: String?, against configuration: RunConfiguration
  ) throws -> ClusterFile {
    try file.map { try ClusterFile.load(file: $0, robots: configuration.robots.map(\.name)) }
      ?? cluster
  }

  private static func prepared(
    _ cluster: ClusterFile, _ file: String, _ configuration: RunConfiguration, _ directory: String,
    _ source: RunOptions.Source
  ) -> PreparedLaunch {
    // Nodes of a cluster begin in directories of their own.
    let place = cluster.kind == .slurm ? absolute(directory) : directory
    return PreparedLaunch(
      launch: Launch(
        cluster: cluster, directory: place, run: configuration.name,
        robots: configuration.robots.map(\.name)),
      file: file, source: source, configuration: configuration)
  }

  /// What would be run, submitted or applied.
  private static func text(of prepared: PreparedLaunch, program: String) throws -> String {
    let first =
      if case .resume = prepared.source {
        ""
      } else {
        "# Once the run is in \(prepared.launch.directory), which the launcher makes first:\n"
      }
    return switch prepared.launch.cluster.kind {
    case .local, .hosts: first + (try machineLaunch(prepared.launch, program: program).text)
    case .slurm: first + SlurmLaunch(prepared.launch, program: program).text
    case .kubernetes: try newOnKubernetes(prepared).text
    }
  }

  private static func machineLaunch(_ launch: Launch, program: String) throws -> MachineLaunch {
    if launch.cluster.kind == .hosts { return try MachineLaunch(hosts: launch, program: program) }
    return MachineLaunch(
      local: launch, program: program,
      workingDirectory: FileManager.default.currentDirectoryPath,
      fallback: "/tmp/recap-launch-\(ProcessInfo.processInfo.processIdentifier).sock")
  }

  // MARK: - On this machine, and over ssh from it

  private static func launchHere(
    _ prepared: PreparedLaunch, program: String, quiet: Bool
  ) async throws {
    let launch = prepared.launch
    let machine = try machineLaunch(launch, program: program)
    let lock = try await claim(prepared)
    let record = Recorder(
      LaunchRecord(cluster: launch.cluster, file: prepared.file), directory: launch.directory)
    try record.write()
    let usesColour = ConsoleStyle.detect(descriptor: STDERR_FILENO).usesColour
    let sink = DescriptorSink(descriptor: STDERR_FILENO)
    let console = LaunchConsole(
      names: machine.processes.map(\.name), usesColour: usesColour, showsProcesses: !quiet,
      write: { sink.write($0) })
    let supervisor = try ProcessSupervisor(
      machine.processes, commands: machine.commands, restart: launch.cluster.restart,
      patience: .seconds(launch.cluster.stopSeconds), logs: launch.logs, console: console,
      changed: { record.update($0) })
    // Now that nothing stands in the way of their start.
    if !quiet {
      console.say("run \(launch.run) in \(launch.directory)")
      console.say(
        "\(machine.processes.count) processes, which log to \(tidy(launch.logs)); the coordinator is "
          + "at \(machine.endpoint)")
      if launch.cluster.kind == .local { sayWhatIsScarce(machine.need, console) }
    }
    let outcome: ProcessSupervision.Outcome
    do {
      outcome = try await stoppingOnSignals { await supervisor.run() }
    } catch {
      say("Nothing is lost. To go on: recap launch --resume \(Shell.word(launch.directory))")
      throw error
    }
    // Held to here, so that nobody launches the run again while its processes stop.
    withExtendedLifetime(lock) {}
    switch outcome {
    case .finished:
      print(
        try await RunReport(archive: ArchiveReader(directory: launch.directory)).table(),
        terminator: "")
    case .stopped: throw LaunchFailed(reason: "it was stopped", directory: launch.directory)
    case .failed(let reason): throw LaunchFailed(reason: reason, directory: launch.directory)
    }
  }

  /// Claims the run for this launcher, and makes it where it is new, so that whoever starts its coordinator, and how
  /// often, only ever goes on with it.
  private static func claim(_ prepared: PreparedLaunch) async throws -> FileLock {
    let directory = prepared.launch.directory
    if case .resume = prepared.source {
      let lock = try LaunchLock.claim(directory)
      if let writer = ArchiveReader.writer(of: directory) {
        throw ArchiveError.locked(directory: directory, holder: writer)
      }
      try await requirePlaces(of: prepared.launch)
      try makeKeys(of: prepared.launch)
      return lock
    }
    let (run, _) = try await RunDirectory.open(
      .checked(prepared.configuration, directory: directory),
      preparing: { _, _ in try await requirePlaces(of: prepared.launch) })
    let lock = try LaunchLock.claim(directory)
    try await run.archive.close()
    try makeKeys(of: prepared.launch)
    return lock
  }

  /// More processes than the machine has room for are slow, not wrong.
  private static func sayWhatIsScarce(_ need: ProcessSize, _ console: LaunchConsole) {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    if need.threads > cores {
      console.say(
        "the processes may use \(need.threads) cores together; this machine has \(cores)")
    }
    let memory = Double(ProcessInfo.processInfo.physicalMemory) / 1e9
    if need.memoryGB > memory {
      console.say(
        "the processes may use \(decimal(need.memoryGB, digits: 1)) GB together; this machine has "
          + "\(decimal(memory, digits: 1)) GB")
    }
  }

  /// Keeps one command going.
  static func keep(
    _ command: ProcessCommand, logs: String, restart: RestartSettings, patience: Duration
  ) async throws {
    // Alone, it is what the launch is about: its end is the end.
    let process = RoleProcess(
      name: command.name, role: .coordinator, arguments: [],
      size: ProcessSize(threads: 1, memoryGB: 1))
    let sink = DescriptorSink(descriptor: STDERR_FILENO)
    let supervisor = try ProcessSupervisor(
      [process], commands: [command], restart: restart, patience: patience, logs: logs,
      console: LaunchConsole(
        names: [command.name], usesColour: false, write: { sink.write($0) }), changed: { _ in })
    switch try await stoppingOnSignals({ await supervisor.run() }) {
    case .finished: break
    case .stopped: throw ExitCode(128 + SIGTERM)
    case .failed(let reason):
      say("Error: \(reason)")
      throw ExitCode(ProcessSupervision.failedStatus)
    }
  }

  // MARK: - Pieces

  static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
  }

  /// The path of this program: what is started again later is to be the same, wherever the name leads by then.
  static func ownProgram() throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  }
}

/// Keeps a launch's record in its run's directory up to date.
private final class Recorder: Sendable {
  private let record: Locked<LaunchRecord>
  private let directory: String

  init(_ record: LaunchRecord, directory: String) {
    self.record = Locked(record)
    self.directory = directory
  }

  func write() throws { try record.withLock { try $0.write(to: directory) } }

  /// A record that cannot be written is out of date, which is no reason to stop a run.
  func update(_ processes: [ProcessStatus]) {
    record.withLock { record in
      if record.processes == processes { return }
      record.processes = processes
      try? record.write(to: directory)
    }
  }
}

/// A launched run that ended before its plan was done.
struct LaunchFailed: Error, CustomStringConvertible {
  var reason: String
  var directory: String

  var description: String {
    "the launch of \(directory) ended early: \(reason). Nothing is lost; to go on: "
      + "recap launch --resume \(Shell.word(directory))"
  }
}

/// A run that does not remember a cluster file.
struct NeverLaunched: Error, CustomStringConvertible {
  var directory: String
  var description: String {
    "\(directory) was never launched, so it remembers no cluster file: give one with --cluster"
  }
}

/// A run that cannot move to Kubernetes.
struct ResumedElsewhere: Error, CustomStringConvertible {
  var directory: String
  var description: String {
    "the archive of \(directory) is not on a volume of Kubernetes, so the run cannot go on there; "
      + "leave --cluster out, or give a cluster file of another kind"
  }
}
