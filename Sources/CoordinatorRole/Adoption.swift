import Configuration
import EpisodeStorage
import Episodes
import RecapAlgorithm

/// What another run has finished, by what decided it.
public struct FinishedJobs: Sendable {
  /// The run's name, for people.
  public let run: String
  /// The run's seed.
  public let seed: UInt64
  let archive: ArchiveReader
  private let version: String
  private let plan: Plan
  private var results: [ContentDigest: JobResult] = [:]
  /// Label sets by the value function that they were made with.
  private var labelSets: [ContentDigest: [ContentDigest]] = [:]

  /// Everything that the run in an archive has done so far.
  ///
  /// - Throws: What the archive throws, and `ConfigurationError` for a run of another version.
  public init(of archive: ArchiveReader) async throws {
    let run = try await archive.run()
    let configuration = try RunConfiguration(resolvedJSON: run.configuration)
    plan = try await Plan(of: configuration, in: archive)
    self.run = run.name
    self.archive = archive
    version = run.version
    seed = configuration.seed
    for job in plan.jobs {
      guard let result = plan.result(of: job.id), let order = plan.order(for: job.id, lease: "")
      else { continue }
      results[try configuration.fingerprint(of: order, version: run.version)] = result
      if case .labels(let digest, _) = result, let value = order.value {
        labelSets[value, default: []].append(digest)
      }
    }
  }

  /// What the run has made of a job with this fingerprint; nil where it has not done it.
  func result(_ fingerprint: ContentDigest) -> JobResult? { results[fingerprint] }

  /// The label sets that hold values by the value function of an order, if both runs are of the same
  /// version.
  func labelSets(for order: JobOrder, version: String) -> [ContentDigest] {
    version == self.version ? order.value.flatMap { labelSets[$0] } ?? [] : []
  }

  /// Why a job of another run is not taken over from this one, in words that follow "which".
  fileprivate func obstacle(to job: Job, seed: UInt64, version: String) -> String {
    if version != self.version { return "run \(run) did with recap \(self.version)" }
    if seed != self.seed { return "run \(run) did with seed \(self.seed)" }
    guard plan.job(job.id) != nil else { return "run \(run) does not have" }
    return plan.result(of: job.id) == nil
      ? "run \(run) has not done" : "run \(run) did with other inputs or settings"
  }
}

/// Takes over from other runs what a run would only compute again.
public enum Adoption {
  /// Gives every job of a run that another run has done already its result: its blobs and rows into
  /// the archive, then an event of the plan, so that whoever resumes the run finds it.
  ///
  /// A job's inputs are a part of its fingerprint, so jobs are looked at after those that they need:
  /// a chain of jobs is taken over as far as it is the same. Being interrupted does no harm; the
  /// next call goes on.
  ///
  /// The values of a shard are also found in a label set of a run that labelled in one job, or in other
  /// shards, with the same value function.
  ///
  /// - Parameters:
  ///   - archive: The run's archive, which no coordinator has opened yet.
  ///   - others: Where to look, the first first.
  ///   - notify: Told in words of what could not be taken over and has to be computed again.
  /// - Returns: What was taken over now, by the name of the run that it came from.
  public static func carryOut(
    into archive: Archive, configuration: RunConfiguration, from others: [FinishedJobs],
    notify: @Sendable (String) -> Void
  ) async throws -> [String: SharedWork] {
    if others.isEmpty { return [:] }
    let version = try await archive.run().version
    var plan = try await Plan(of: configuration, in: archive)
    var adopted: [String: SharedWork] = [:]
    var isSettled = plan.isPristine
    var labels = LabelSetCache()
    for job in plan.jobs where plan.result(of: job.id) == nil {
      guard let order = plan.order(for: job.id, lease: "") else { continue }
      let fingerprint = try configuration.fingerprint(of: order, version: version)
      for other in others {
        var found: JobResult?
        do {
          if let result = other.result(fingerprint) {
            guard try await archive.adopt(result, ofJob: job.id, from: other.archive) else {
              continue
            }
            found = result
          } else if case .estimateValues = job.work {
            found = try await values(for: order, version, from: other, into: archive, &labels)
          }
        } catch let error as ArchiveError {
          notify("\(job.id) is done again: run \(other.run) has it, but \(error)")
          continue
        }
        guard let found else { continue }
        if !isSettled {
          // Workers of the process that was stopped still wait in the plan: none may be given a job.
          try await store(.coordinatorRestarted, in: archive, of: &plan)
          isSettled = true
        }
        try await store(
          .resultAdopted(job: job.id, result: found, from: other.run), in: archive, of: &plan)
        adopted[other.run, default: SharedWork()] =
          adopted[other.run, default: SharedWork()] + SharedWork([job])
        break
      }
    }
    return adopted
  }

  /// Where what a run shares with another ends: the first of its jobs that could be done now and is not.
  ///
  /// - Returns: "pretrain/labels, which run a has not done"; nil where nothing is left to do.
  public static func end(
    of archive: Archive, configuration: RunConfiguration, besides other: FinishedJobs
  ) async throws -> String? {
    let version = try await archive.run().version
    let plan = try await Plan(of: configuration, in: archive)
    let next = plan.jobs.first {
      plan.result(of: $0.id) == nil && plan.order(for: $0.id, lease: "") != nil
    }
    return next.map {
      "\($0.id), which " + other.obstacle(to: $0, seed: configuration.seed, version: version)
    }
  }

  /// A shard's values out of a label set of another run, stored; nil where none holds all of them. What a
  /// label set holds of an episode's values is what its value function said, whoever asked it.
  private static func values(
    for order: JobOrder, _ version: String, from other: FinishedJobs, into archive: Archive,
    _ cache: inout LabelSetCache
  ) async throws -> JobResult? {
    guard let value = order.value else { return nil }
    for digest in other.labelSets(for: order, version: version) {
      let labels = try await cache.labels(digest, in: other.archive).episodes
      guard order.dataset.allSatisfy({ labels[$0] != nil }) else { continue }
      var episodes: [ContentDigest: EpisodeValues] = [:]
      for digest in order.dataset {
        guard let labelled = labels[digest] else { continue }
        let episode = try EpisodeFile.parse(try await archive.blob(digest))
        episodes[digest] = EpisodeValues(of: episode, values: labelled.values)
      }
      let values = ValueSet(
        provenance: ValueSet.Provenance(job: order.job.id, value: value), episodes: episodes)
      return .values(
        try await archive.putBlob(try ValueSetFile.serialize(values), kind: "values"))
    }
    return nil
  }

  private static func store(
    _ event: PlanEvent, in archive: Archive, of plan: inout Plan
  ) async throws {
    try await archive.append([event])
    _ = plan.handle(event)
  }
}

/// The label set that was read last: one holds the values of many shards.
private struct LabelSetCache {
  private var last: (digest: ContentDigest, labels: LabelSet)?

  mutating func labels(
    _ digest: ContentDigest, in archive: ArchiveReader
  ) async throws -> LabelSet {
    if let last, last.digest == digest { return last.labels }
    let labels = try LabelSetFile.parse(try await archive.blob(digest))
    last = (digest, labels)
    return labels
  }
}
