import Configuration
import CoordinatorRole
import DurableFiles
import EpisodeStorage
import Foundation
import Launching
import Monitoring
import RecapAlgorithm

// Launches that others carry out, and how they are asked about and stopped.

extension Composition {
  /// Hands a launch to Slurm.
  static func submit(_ prepared: PreparedLaunch, program: String) async throws {
    let directory = prepared.launch.directory
    if case .resume = prepared.source {
      let jobs = try await SlurmJobs.alive(of: directory)
      if !jobs.isEmpty {
        throw LaunchedAlready(
          directory: directory, holder: "Slurm's jobs \(jobs.map(\.id).joined(separator: ", "))")
      }
      if let writer = ArchiveReader.writer(of: directory) {
        throw ArchiveError.locked(directory: directory, holder: writer)
      }
    } else {
      let (run, _) = try await RunDirectory.open(
        .checked(prepared.configuration, directory: directory),
        preparing: { _, _ in try await requirePlaces(of: prepared.launch) })
      try await run.archive.close()
    }
    // First of all, so that whatever fails from here on, the run can be launched with --resume.
    var record = LaunchRecord(cluster: prepared.launch.cluster, file: prepared.file)
    try record.write(to: directory)
    do {
      try await submit(prepared, SlurmLaunch(prepared.launch, program: program), &record)
    } catch {
      throw LaunchFailed(reason: "\(error)", directory: directory)
    }
  }

  private static func submit(
    _ prepared: PreparedLaunch, _ slurm: SlurmLaunch, _ record: inout LaunchRecord
  ) async throws {
    let directory = prepared.launch.directory
    try LogDirectory.make(prepared.launch.logs)
    try FileManager.default.createDirectory(
      atPath: slurm.folder, withIntermediateDirectories: true)
    try makeKeys(of: prepared.launch)
    for (path, text) in [slurm.mainScript, slurm.collectorScript] { try write(text, to: path) }
    // Where an earlier launch was says nothing about this one.
    try? FileManager.default.removeItem(atPath: "\(slurm.folder)/coordinator.endpoint")
    func number(_ words: [String]) async throws -> String {
      let text = try await ExternalTool.run(words)
      // "12;cluster" where there are several clusters.
      return String(text.trimmingCharacters(in: .whitespacesAndNewlines).prefix { $0 != ";" })
    }
    let main = try await number(slurm.submitMain)
    record.jobs = [main]
    try record.write(to: directory)
    do {
      let collectors = try await number(slurm.submitCollectors(after: main))
      try write("\(collectors)\n", to: slurm.collectorJobFile)
      record.jobs = [main, collectors]
      try record.write(to: directory)
      print("run \(prepared.launch.run) in \(directory)")
      print("submitted jobs \(main) (coordinator and learners) and \(collectors) (collectors)")
      print("recap launch status \(Shell.word(directory))")
    } catch {
      _ = try? await ExternalTool.run(["scancel", main])
      throw error
    }
  }

  private static func write(_ text: String, to path: String) throws {
    try DurableFile.write(Array(text.utf8), to: path)
  }

  // MARK: - Status

  /// Prints how a launched run is.
  static func launchStatus(of directory: String, json: Bool) async throws {
    let record = try launchRecord(of: directory)
    var status = LaunchStatus(
      directory: directory, kind: record.cluster.kind, launcher: nil, state: nil, jobsDone: nil,
      jobs: nil, processes: [], slurm: nil, kubernetes: nil)
    if record.cluster.kind != .kubernetes {
      let run = try await RunSummary(ofRunAt: directory)
      (status.state, status.jobsDone, status.jobs) = (run.state, run.jobsDone, run.jobs)
    }
    switch record.cluster.kind {
    case .local, .hosts:
      status.launcher = LaunchLock.holder(of: directory)?.holder
      status.processes = record.processes
      // Nobody says how processes are whose launcher is gone.
      if status.launcher == nil {
        for index in status.processes.indices
        where ["running", "waiting"].contains(status.processes[index].state) {
          status.processes[index].state = "stopped"
          status.processes[index].pid = nil
        }
      }
    case .slurm: status.slurm = try await SlurmJobs.alive(of: directory)
    case .kubernetes:
      let place = record.kubernetesPlace(ofRunAt: directory)
      status.kubernetes = place
      status.processes = try await kubernetesProcesses(at: place)
      if let run = await progressOnKubernetes(at: place, status.processes) {
        (status.state, status.jobsDone, status.jobs) = (run.state, run.jobsDone, run.jobs)
      }
    }
    print(json ? try jsonText(status) : status.text)
  }

  /// Stops a launched run.
  static func stopLaunch(of directory: String) async throws {
    let record = try launchRecord(of: directory)
    switch record.cluster.kind {
    case .local, .hosts:
      guard let held = LaunchLock.holder(of: directory), let holder = held.holder else {
        print("\(directory) is not launched")
        return
      }
      guard kill(holder.pid, SIGTERM) == 0 else {
        throw CannotStop(directory: directory, holder: held.holderDescription)
      }
      // Workers and then the coordinator have their time each, and a kill takes a moment.
      let patience = Duration.seconds(2 * record.cluster.stopSeconds + 10)
      let deadline = ContinuousClock.now + patience
      while LaunchLock.holder(of: directory) != nil {
        guard ContinuousClock.now < deadline else {
          throw CannotStop(directory: directory, holder: held.holderDescription)
        }
        try await Task.sleep(for: .milliseconds(100))
      }
      print("stopped \(held.holderDescription)")
    case .slurm:
      let jobs = try await SlurmJobs.alive(of: directory)
      if jobs.isEmpty {
        print("\(directory) has no jobs")
        return
      }
      // The collectors first: the main job would cancel them too.
      try await ExternalTool.run(["scancel"] + record.jobs.reversed())
      print("cancelled jobs \(record.jobs.joined(separator: ", "))")
    case .kubernetes: try await stopOnKubernetes(at: record.kubernetesPlace(ofRunAt: directory))
    }
  }

  private static func launchRecord(of directory: String) throws -> LaunchRecord {
    guard let record = try LaunchRecord.read(from: directory) else {
      throw NotLaunched(directory: directory)
    }
    return record
  }
}

/// A job of a launch as Slurm sees it.
struct SlurmJob: Codable, Sendable {
  /// Such as "12+0" or "13_4".
  var id: String
  var name: String
  /// Such as "RUNNING" or "PENDING".
  var state: String
  var time: String
  /// Where it runs, or why it waits.
  var place: String
}

/// What Slurm has of a launch.
enum SlurmJobs {
  /// The jobs of a run's launch that wait or run.
  static func alive(of directory: String) async throws -> [SlurmJob] {
    let jobs = try LaunchRecord.read(from: directory)?.jobs ?? []
    var found: [SlurmJob] = []
    for job in jobs {
      // Of a job that ended long ago squeue knows nothing, and says so with status 1.
      let text =
        (try? await ExternalTool.run([
          "squeue", "--noheader", "--jobs", job, "--format", "%i|%j|%T|%M|%R",
        ])) ?? ""
      found += text.split(separator: "\n").compactMap(SlurmJob.init)
    }
    return found
  }
}

extension SlurmJob {
  /// A line of `squeue`.
  init?(_ line: Substring) {
    let parts = line.split(separator: "|", maxSplits: 4, omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    guard parts.count == 5 else { return nil }
    self.init(id: parts[0], name: parts[1], state: parts[2], time: parts[3], place: parts[4])
  }
}

/// How a launch is.
struct LaunchStatus: Encodable {
  var directory: String
  var kind: ClusterKind
  /// The process that keeps the others going; nil when there is none.
  var launcher: LockHolder?
  /// Of the run: see `RunSummary`.
  var state: RunState?
  var jobsDone: Int?
  var jobs: Int?
  var processes: [ProcessStatus]
  /// Of `kind: slurm`: those that wait or run.
  var slurm: [SlurmJob]?
  /// Where Kubernetes has it.
  var kubernetes: KubernetesPlace?

  var text: String {
    var lines: [String] = []
    if let state, let jobsDone, let jobs {
      lines.append("\(directory): \(state.rawValue), \(jobsDone) of \(jobs) jobs done")
    }
    if kind == .local || kind == .hosts {
      lines.append(
        launcher.map { "launched by process \($0.pid) (\($0.command))" } ?? "no launcher is running"
      )
    }
    if !processes.isEmpty {
      var table = TextTable([
        ("process", .left), ("state", .left), ("pid", .right), ("restarts", .right),
      ])
      for process in processes {
        table.add([
          process.name, process.state, process.pid.map(String.init) ?? "–", "\(process.restarts)",
        ])
      }
      lines.append(table.text)
    }
    if slurm?.isEmpty == true { lines.append("no jobs wait or run") }
    if let slurm, !slurm.isEmpty {
      var table = TextTable([
        ("job", .left), ("name", .left), ("state", .left), ("time", .right), ("place", .left),
      ])
      for job in slurm { table.add([job.id, job.name, job.state, job.time, job.place]) }
      lines.append(table.text)
    }
    if let kubernetes {
      if processes.isEmpty { lines.append("namespace \(kubernetes.namespace) has nothing of it") }
      lines.append(kubernetes.reading)
    }
    return lines.joined(separator: "\n")
  }
}

/// A run that no launch has touched.
struct NotLaunched: Error, CustomStringConvertible {
  var directory: String
  var description: String {
    "\(directory) was never launched: there is no launch.json in it"
  }
}

/// A launcher that does not stop.
struct CannotStop: Error, CustomStringConvertible {
  var directory: String
  var holder: String
  var description: String { "\(directory) is still launched, by \(holder), which does not stop" }
}
