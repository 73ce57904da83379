import Configuration
import CoordinatorRole
import EpisodeStorage
import Monitoring
import RecapAlgorithm

// Taking over what other runs have done already.

/// Runs whose results a person allows to be taken over.
struct ReusedPlace: Sendable {
  /// As it was named: a run, or a directory with runs, such as an experiment's.
  var name: String
  /// The directories of its runs.
  var runs: [String]
}

extension Composition {
  /// Takes over what other runs have done, siblings' first, and says how far that goes. One that cannot be read is left
  /// out.
  static func adopt(
    into run: RunDirectory, from start: RunStart, _ console: ConsoleReporter?
  ) async throws {
    let places = start.siblings.map { ReusedPlace(name: $0, runs: [$0]) } + start.reuse
    var others: [[FinishedJobs]] = []
    for place in places {
      var found: [FinishedJobs] = []
      for directory in place.runs {
        do {
          found.append(try await FinishedJobs(of: ArchiveReader(directory: directory)))
        } catch ArchiveError.notFound, ArchiveError.unfinished {
          // Not begun yet.
        } catch {
          try Task.checkCancellation()
          console?.print("nothing is taken over from \(directory): \(error)")
        }
      }
      others.append(found)
    }
    let all = others.flatMap(\.self)
    let adopted = try await Adoption.carryOut(
      into: run.archive, configuration: run.configuration, from: all,
      notify: { console?.print($0) })
    guard let console else { return }
    for (other, work) in adopted.sorted(by: { $0.key < $1.key }) {
      console.print("shared with run \(other): \(work)")
    }
    let most = adopted.max { ($0.value.jobs, $1.key) < ($1.value.jobs, $0.key) }?.key
    // Runs of other seeds may have its name.
    let sharers = all.filter { $0.run == most && $0.seed == run.configuration.seed }
    if let other = sharers.first,
      let end = try await Adoption.end(
        of: run.archive, configuration: run.configuration, besides: other)
    {
      console.print("the first job that is not shared: \(end)")
    }
    let plan = try await Plan(of: run.configuration, in: run.archive)
    let origins = Set(plan.jobs.compactMap { plan.origin(of: $0.id) })
    for (place, found) in zip(places, others).dropFirst(start.siblings.count) {
      guard origins.isDisjoint(with: found.map(\.run)),
        let other = found.first(where: { $0.seed == run.configuration.seed }) ?? found.first
      else { continue }
      let end = try await Adoption.end(
        of: run.archive, configuration: run.configuration, besides: other)
      console.print(
        "nothing is shared with \(place.name)" + (end.map { "; the first job is \($0)" } ?? ""))
    }
  }
}
