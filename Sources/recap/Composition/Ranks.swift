import Collectives
import Foundation
import MPICommunicator
import Messaging
import PolicyLearnerRole
import RecapAlgorithm
import RoleRuntime
import ValueLearnerRole

/// Learners of several ranks, which `mpirun` or `srun` started as a process each.
extension Composition {
  /// One rank of a learner. The first one joins the coordinator; the others help it until it dismisses them.
  static func rankedLearner(_ options: LearnerOptions) async throws {
    let communicator = try startMPI()
    guard communicator.count > 1 else {
      try await learner(options, ranks: nil)
      return communicator.finish()
    }
    let ranks = RankGroup(communicator)
    if ranks.isFirst {
      do {
        try await learner(options, ranks: ranks)
      } catch {
        try ranks.dismiss()
        communicator.finish()
        throw error
      }
      try ranks.dismiss()
    } else {
      // The first rank hears the same signals and stops all of them, in step.
      for number in [SIGINT, SIGTERM] { signal(number, SIG_IGN) }
      stopWithParent()
      while let endpoint = try ranks.nextCoordinator() {
        try await help(
          options, ranks, CoordinatorContact(endpoint: endpoint, keys: options.keys))
      }
    }
    communicator.finish()
  }

  private static func help(
    _ options: LearnerOptions, _ ranks: RankGroup, _ coordinator: CoordinatorContact
  ) async throws {
    let client = try coordinator.client()
    let source = JobSource.firstRank(ranks, archive: ArchiveClient(client: client))
    switch options.role {
    case .valueLearner: try await ValueLearner(source).run()
    case .policyLearner: try await PolicyLearner(source).run()
    case .advantageLabeller, .collector: preconditionFailure("\(options.role) has no ranks")
    }
    await client.close()
  }

  /// Ends this process when whoever started it is gone without a word. The first rank notices by other means.
  private static func stopWithParent() {
    let parent = getppid()
    Thread.detachNewThread {
      while getppid() == parent { sleep(1) }
      _exit(128 + SIGTERM)
    }
  }
}
