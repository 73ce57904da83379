import Collectives
import Executors
import Messaging
import RecapAlgorithm
import Testing

@testable import RoleRuntime

/// Learners of two ranks, of which the coordinator knows the first one.
@Suite struct RankGroupTests {
  /// Counts its steps, and does what a closure says at each.
  private final class Steps: Training {
    var stepsDone: Int
    /// The numbers of the steps that it took.
    private(set) var taken: [Int] = []
    private let spoilt: Bool
    private let body: (Int) -> [String: Double]

    init(from first: Int = 0, spoilt: Bool = false, _ body: @escaping (Int) -> [String: Double]) {
      stepsDone = first
      self.spoilt = spoilt
      self.body = body
    }

    func step() -> [String: Double] {
      stepsDone += 1
      taken.append(stepsDone)
      return body(stepsDone)
    }

    func state() -> [UInt8] { [UInt8(stepsDone)] + (spoilt && stepsDone == 8 ? [1] : []) }
    func restore(_ state: [UInt8]) { stepsDone = Int(state[0]) }
  }

  private struct NoData: Error, CustomStringConvertible { var description: String { "no data" } }

  /// What a rank did for each lease: the steps that it took.
  private typealias Story = [String: [Int]]

  /// As the learners are made, with a training of eight steps.
  private actor Learner: JobHandler, JobHelper {
    private let jobs: JobSource
    private let rank: Int
    private(set) var story: Story = [:]
    private let executor = ThreadExecutor(name: "rank")

    init(_ jobs: JobSource, rank: Int) {
      self.jobs = jobs
      self.rank = rank
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor {
      executor.asUnownedSerialExecutor()
    }

    func run() async throws { try await jobs.run(self) }

    func run(_ order: JobOrder, _ context: JobContext) async throws -> JobResult {
      try jobs.ranks?.share(order, context, threads: 3)
      try await train(order.lease, context)
      return noEpisodes
    }

    func help(with order: JobOrder, _ context: JobContext, threads: Int) async throws {
      #expect(threads == 3)
      #expect(context.configuration == #"{"a":1}"#)
      try await train(order.lease, context)
    }

    private func train(_ lease: String, _ context: JobContext) async throws {
      if lease == "unprepared", rank == 1 {
        jobs.ranks?.refuse()
        throw NoData()
      }
      let diverges = lease == "diverged" && rank == 0
      let training = Steps(
        from: lease == "resumed" && rank == 0 ? 5 : 0, spoilt: lease == "differing" && rank == 1
      ) { ["loss": diverges && $0 == 3 ? .nan : 1] }
      defer { story[lease] = training.taken }
      let metrics = try await carryOut(
        training, with: jobs.ranks, steps: 8, reportingTo: context)
      #expect((metrics["loss"] == 1) == (rank == 0))
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func allRanksTakeTheSameStepsAndEndTogether() async throws {
    let leases = ["unprepared", "diverged", "resumed", "differing", "whole"]
    let coordinator = FakeCoordinator(leases: leases)
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    let groups = InProcessCommunicator.group(of: 2).map { RankGroup($0) }
    let first = Learner(.coordinator(makeWorker(link), ranks: groups[0]), rank: 0)
    let second = Learner(.firstRank(groups[1], archive: makeArchiveClient(link)), rank: 1)
    async let one: Void = first.run()
    async let other: Void = second.run()
    _ = try await (one, other)

    let whole = Array(1...8)
    #expect(
      await first.story == [
        "unprepared": [], "diverged": [1, 2, 3], "resumed": [6, 7, 8], "differing": whole,
        "whole": whole,
      ])
    #expect(
      await second.story == [
        "diverged": [1, 2, 3], "resumed": [6, 7, 8], "differing": whole, "whole": whole,
      ])
    let endings = await coordinator.story.filter {
      switch $0 {
      case .failed, .finished: true
      default: false
      }
    }
    #expect(endings.count == 5)
    for (lease, reason) in [
      (0, "a rank stopped"), (1, "loss is nan at step 2"), (3, "weights differ"),
    ] {
      guard case .failed(leases[lease], let words) = endings[lease] else {
        Issue.record("\(leases[lease]) did not fail")
        continue
      }
      #expect(words.contains(reason))
    }
    #expect(endings[2] == .finished(lease: "resumed"))
    #expect(endings[4] == .finished(lease: "whole"))
  }

  /// The end of a lease reaches the other rank at the next step.
  @Test(.timeLimit(.minutes(2)))
  func aCancelledJobStopsOnAllRanks() async throws {
    let groups = InProcessCommunicator.group(of: 2).map { RankGroup($0) }
    let link = TestLink(RequestRouter())
    let context = JobContext(archive: makeArchiveClient(link), configuration: "")
    let errors = try await withThrowingTaskGroup(of: (Int, String).self) { tasks in
      for group in groups {
        tasks.addTask {
          let runner = Runner()
          do {
            try await runner.run(group, context)
            return (group.communicator.rank, "none")
          } catch {
            return (group.communicator.rank, "\(type(of: error))")
          }
        }
      }
      var errors: [Int: String] = [:]
      for try await (rank, error) in tasks { errors[rank] = error }
      return errors
    }
    #expect(errors == [0: "CancellationError", 1: "RanksStopped"])
  }

  private actor Runner {
    private let executor = ThreadExecutor(name: "rank")
    nonisolated var unownedExecutor: UnownedSerialExecutor {
      executor.asUnownedSerialExecutor()
    }

    func run(_ group: RankGroup, _ context: JobContext) async throws {
      let training = Steps { step in
        if step == 5, group.isFirst { withUnsafeCurrentTask { $0?.cancel() } }
        return [:]
      }
      defer { #expect(training.stepsDone == 5) }
      _ = try await carryOut(training, with: group, steps: 200, reportingTo: context)
    }
  }
}
