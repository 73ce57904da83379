import Messaging
import RoleRuntime
import Testing

@Suite struct TrainingLoopTests {
  private actor Reports {
    private(set) var all: [JobProgress] = []
    func add(_ report: JobProgress) { all.append(report) }
  }

  private func context(_ reports: Reports) -> JobContext {
    let link = TestLink(RequestRouter())
    return JobContext(
      archive: makeArchiveClient(link), configuration: "", report: { await reports.add($0) })
  }

  @Test func theResultIsTheMeanOfTheLastTenth() async throws {
    let reports = Reports()
    var step = 0.0
    let metrics = try await runTraining(steps: 40, reportingTo: context(reports)) {
      step += 1
      return ["loss": step]
    }
    // Steps 37 to 40.
    #expect(metrics["loss"] == 38.5)
    let last = try #require(await reports.all.last)
    #expect((last.done, last.total, last.unit) == (40, 40, "steps"))
  }

  @Test func aMetricThatLeavesTheNumbersEndsTheTraining() async throws {
    var step = 0
    let context = context(Reports())
    let error = await #expect(throws: TrainingDiverged.self) {
      try await runTraining(steps: 10, reportingTo: context) {
        step += 1
        return ["loss": step == 4 ? .nan : 1]
      }
    }
    #expect(error?.step == 3)
    #expect(error?.description.contains("loss is nan at step 3") == true)
  }

  @Test func cancellationStopsBetweenSteps() async throws {
    let context = context(Reports())
    let training = Task {
      var steps = 0
      do {
        _ = try await runTraining(steps: .max, reportingTo: context) {
          steps += 1
          if steps == 5 { withUnsafeCurrentTask { $0?.cancel() } }
          return [:]
        }
      } catch is CancellationError {
        return steps
      }
      return -1
    }
    #expect(try await training.value == 5)
  }
}
