import Episodes
import Foundation
import Policies
import RecapAlgorithm

extension RunConfiguration {
  /// A digest of everything that decides a job's result: its work, seed and inputs, the part of the
  /// configuration that its role reads, and the version of recap. Two runs whose jobs agree in it
  /// make the same of them, so that one of them can take over what the other has made.
  ///
  /// Neither does it whether others estimate a dataset's values, shard by shard: the labels are the same.
  /// How a run's processes deal with each other (`runtime`) does not count, but for more than two
  /// threads of a training, which add up in another order.
  ///
  /// - Parameters:
  ///   - order: With its inputs as digests; its lease does not count.
  ///   - version: The version of recap that does the job.
  public func fingerprint(of order: JobOrder, version: String) throws -> ContentDigest {
    var order = order
    order.lease = ""
    if case .label(var work) = order.job.work {
      work.shards = nil
      order.job.work = .label(work)
      order.values = nil
    }
    let influence = Influence(order: order, version: version, settings: settings(for: order.job))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return ContentDigest(hashing: Array(try encoder.encode(influence)))
  }

  private struct Influence: Encodable {
    var order: JobOrder
    var version: String
    var settings: RoleSettings
  }

  /// What a role reads of the configuration, apart from its orders.
  private enum RoleSettings: Encodable {
    /// Drivers are told the tasks of the whole run; the workcell is not.
    case collector(robots: [RobotSettings], driverTasks: [String])
    case valueLearner(ValueSettings, threads: Int)
    case advantageLabeller
    case policyLearner(PolicySettings, threads: Int)
  }

  private func settings(for job: Job) -> RoleSettings {
    switch job.role {
    case .collector:
      let hasDrivers = robots.contains { $0.kind == .driver }
      return .collector(robots: robots, driverTasks: hasDrivers ? tasks.map(\.name) : [])
    case .valueLearner: return .valueLearner(models.value, threads: threads(for: job))
    case .advantageLabeller: return .advantageLabeller
    case .policyLearner: return .policyLearner(models.policy, threads: threads(for: job))
    }
  }

  /// Threads of a training in one process, as far as they change a sum's order: one and two agree
  /// bit for bit.
  private func threads(for job: Job) -> Int {
    let count = runtime.learnerThreads * (job.task == nil ? runtime.policyLearners : 1)
    return max(2, count)
  }
}
