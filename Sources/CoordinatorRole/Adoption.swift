import Configuration
import EpisodeStorage
import Episodes
import RecapAlgorithm

/// What another run has finished, by what decided it.
public struct FinishedJobs: Sendable {
  /// The run's name, for people.
  public let run: String
  let archive: ArchiveReader
  private var results: [ContentDigest: JobResult] = [:]

  /// Everything that the run in an archive has done so far.
  ///
  /// - Throws: What the archive throws, and `ConfigurationError` for a run of another version.
  public init(of archive: ArchiveReader) async throws {
    let run = try await archive.run()
    let configuration = try RunConfiguration(resolvedJSON: run.configuration)
    let plan = try await Plan(of: configuration, in: archive)
    self.run = run.name
    self.archive = archive
    for job in plan.jobs {
      guard let result = plan.result(of: job.id), let order = plan.order(for: job.id, lease: "")
      else { continue }
      results[try configuration.fingerprint(of: order, version: run.version)] = result
    }
  }

  /// What the run has made of a job with this fingerprint; nil where it has not done it.
  func result(_ fingerprint: ContentDigest) -> JobResult? { results[fingerprint] }
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
    for job in plan.jobs where plan.result(of: job.id) == nil {
      guard let order = plan.order(for: job.id, lease: "") else { continue }
      let fingerprint = try configuration.fingerprint(of: order, version: version)
      for other in others {
        guard let result = other.result(fingerprint) else { continue }
        do {
          guard try await archive.adopt(result, ofJob: job.id, from: other.archive) else {
            continue
          }
        } catch let error as ArchiveError {
          notify("\(job.id) is done again: run \(other.run) has it, but \(error)")
          continue
        }
        if !isSettled {
          // Workers of the process that was stopped still wait in the plan: none may be given a job.
          try await store(.coordinatorRestarted, in: archive, of: &plan)
          isSettled = true
        }
        try await store(
          .resultAdopted(job: job.id, result: result, from: other.run), in: archive, of: &plan)
        adopted[other.run, default: SharedWork()] =
          adopted[other.run, default: SharedWork()] + SharedWork([job])
        break
      }
    }
    return adopted
  }

  private static func store(
    _ event: PlanEvent, in archive: Archive, of plan: inout Plan
  ) async throws {
    try await archive.append([event])
    _ = plan.handle(event)
  }
}
