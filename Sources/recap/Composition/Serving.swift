import Configuration
import CoordinatorRole
import EpisodeStorage
import Episodes
import Foundation
import Policies
import PolicyServing
import RecapAlgorithm

/// Where a policy comes from.
enum ServedSource: Sendable {
  /// A checkpoint's files.
  case folder(String)
  /// A run's policy of a task, or of its only one; the current one without an iteration.
  case run(directory: String, task: String?, iteration: Int?)
}

/// What `recap serve` was asked for; nil for what the run acts with.
struct ServeOptions: Sendable {
  var source: ServedSource
  var task: String?
  var host: String
  var port: Int
  var apiKey: String?
  var guidance: Float?
  var indicator: AdvantageIndicator?
  var rules: [ObservationMapping.Rule]
  var fillsCameras: Bool
  var batchLimit: Int
  var patience: Duration
  var lanes: Int
  var seed: UInt64
}

/// A checkpoint and how its run acts with it.
struct RunPolicy: Sendable {
  /// Such as "espresso/2/policy".
  var name: String
  var files: CheckpointFiles
  var guidance: Float = 1
  var indicator = AdvantageIndicator.positive
  var executedActions: Int?
}

extension Composition {
  /// Serves a policy until the process is told to stop. The address is held, and clients are
  /// greeted, while the policy is loaded.
  static func serve(_ options: ServeOptions) async throws {
    Logs.bootstrap(.warning)
    let server = try await PolicyServer.bind(
      host: options.host, port: options.port,
      settings: PolicyServer.Settings(
        apiKey: options.apiKey, seed: options.seed, server: "recap \(recapVersion)"))
    let host = options.host.contains(":") ? "[\(options.host)]" : options.host
    let place = "ws://\(host):\(server.port)"
    try await stoppingOnSignals {
      let arrival = PolicyArrival()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run(arrival) }
        group.addTask {
          do {
            let served = try await load(options)
            await arrival.settle(.success(served))
            say("serving \(served.name) at \(place) (Ctrl-C stops it)")
          } catch {
            await arrival.settle(.failure(error))
          }
        }
        try await group.waitForAll()
      }
    }
  }

  private static func load(_ options: ServeOptions) async throws -> ServedPolicy {
    let policy = try await policy(from: options.source)
    return try await ServedPolicy.load(
      policy.files,
      ServingOptions(
        name: policy.name, task: options.task, indicator: options.indicator ?? policy.indicator,
        guidance: options.guidance ?? policy.guidance, executedActions: policy.executedActions,
        rules: options.rules, fillsCameras: options.fillsCameras, lanes: options.lanes,
        batchLimit: options.batchLimit, patience: options.patience))
  }

  /// - Throws: `NothingSuch` for a task or iteration without a policy, `ServingError` for a folder that
  ///   is no checkpoint.
  static func policy(from source: ServedSource) async throws -> RunPolicy {
    switch source {
    case .folder(let folder):
      return RunPolicy(
        name: URL(filePath: folder).lastPathComponent, files: try CheckpointFiles(folder: folder))
    case .run(let directory, let task, let iteration):
      let archive = try ArchiveReader(directory: directory)
      let configuration = try await RunConfiguration(of: archive)
      let plan = try await Plan(of: configuration, in: archive)
      let (job, digest) = try trained(of: plan, task, iteration)
      let practice = plan.jobs.lazy.compactMap { candidate -> CollectWork? in
        guard case .collect(let work) = candidate.work, work.source == .evaluation,
          work.policy == job.id
        else { return nil }
        return work
      }.first
      return RunPolicy(
        name: job.id, files: try await archive.checkpoint(digest),
        guidance: practice?.guidance ?? configuration.method.guidance,
        indicator: practice?.indicator ?? .positive, executedActions: practice?.executedActions)
    }
  }

  /// The job that trained a task's policy of an iteration, or its current one.
  ///
  /// - Parameter task: Nil for the only one that has a policy.
  private static func trained(
    of plan: Plan, _ task: String?, _ iteration: Int?
  ) throws -> (job: Job, policy: ContentDigest) {
    let known = Set(plan.jobs.compactMap(\.task)).filter { plan.currentIteration(of: $0) != nil }
      .sorted()
    guard let task = task ?? (known.count == 1 ? known[0] : nil) else {
      throw ServingError(
        known.isEmpty
          ? "the run has no policy yet"
          : "the run has policies of \(known.count) tasks; say whose with --task: "
            + known.joined(separator: ", "))
    }
    let trained = plan.policyJobs(of: task).compactMap { k, job in
      plan.checkpoint(of: job.id).map { (k: k, job: job, policy: $0) }
    }
    guard let k = iteration ?? plan.currentIteration(of: task) else {
      throw NothingSuch(
        what: "task with a policy", wanted: task, known: known.isEmpty ? ["none yet"] : known)
    }
    guard let found = trained.first(where: { $0.k == k }) else {
      throw NothingSuch(
        what: "iteration of \(task) with a policy", wanted: "\(k)",
        known: trained.map { "\($0.k)" })
    }
    return (found.job, found.policy)
  }
}

extension CheckpointFiles {
  /// Larger than any file of a checkpoint but its weights, which have no limit.
  private static let smallFile = 64 * 1024 * 1024

  /// Reads a folder as `recap export policy` writes it.
  ///
  /// - Parameter folder: Or a file in it, such as `model.safetensors`.
  /// - Throws: `ServingError` for a place where no checkpoint is.
  init(folder: String) throws {
    var root = URL(filePath: folder)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: root.path, isDirectory: &isFolder) else {
      throw ServingError("--checkpoint: there is no \(folder)")
    }
    if !isFolder.boolValue { root.deleteLastPathComponent() }
    var files: [String: [UInt8]] = [:]
    let names = FileManager.default.enumerator(atPath: root.path)
    while let name = names?.nextObject() as? String {
      guard name.hasSuffix(".json") || name == "model.safetensors" else { continue }
      let data = try Data(contentsOf: root.appending(path: name), options: .mappedIfSafe)
      guard name == "model.safetensors" || data.count <= Self.smallFile else { continue }
      files[name] = Array(data)
    }
    guard files["config.json"] != nil, files["model.safetensors"] != nil else {
      throw ServingError(
        "--checkpoint: expected config.json and model.safetensors in \(root.path); "
          + "'recap export policy' writes such a folder")
    }
    self.init(files: files)
  }

  /// Writes a folder that `init(folder:)` reads.
  ///
  /// - Throws: `ServingError` for a folder that exists already.
  func write(folder: String) throws {
    let root = URL(filePath: folder)
    guard !FileManager.default.fileExists(atPath: root.path) else {
      throw ServingError("\(folder) exists already; nothing was written")
    }
    for (name, bytes) in files {
      let file = root.appending(path: name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: file)
    }
  }
}
