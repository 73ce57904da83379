import Foundation
import Messaging
import RecapAlgorithm
import Testing

@testable import RoleRuntime

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

  /// Counts its steps; a closure gives the metrics.
  private final class Counting: Training {
    var stepsDone = 0
    private let metrics: (Int) -> [String: Double]

    init(_ metrics: @escaping (Int) -> [String: Double] = { ["loss": Double($0)] }) {
      self.metrics = metrics
    }

    func step() -> [String: Double] {
      stepsDone += 1
      return metrics(stepsDone)
    }

    /// The steps after which it was measured.
    var measured: [Int] = []

    func validationMetrics() -> [String: Double] {
      measured.append(stepsDone)
      return ["validation loss": Double(stepsDone)]
    }

    func state() -> [UInt8] { [UInt8(stepsDone)] }

    struct Damaged: Error {}

    func restore(_ state: [UInt8]) throws {
      guard state.count == 1 else { throw Damaged() }
      stepsDone = Int(state[0])
    }
  }

  @Test func aTrainingIsMeasuredAboutTwentyTimes() async throws {
    let training = Counting()
    let metrics = try await carryOut(training, steps: 45, reportingTo: context(Reports()))
    #expect(training.measured == Array(stride(from: 2, through: 44, by: 2)) + [45])
    // 42, 44 and 45 are in the last tenth.
    #expect(metrics["validation loss"] == 131.0 / 3)
  }

  @Test func theResultIsTheMeanOfTheLastTenth() async throws {
    let reports = Reports()
    let metrics = try await carryOut(Counting(), steps: 40, reportingTo: context(reports))
    // Steps 37 to 40.
    #expect(metrics["loss"] == 38.5)
    let last = try #require(await reports.all.last)
    #expect((last.done, last.total, last.unit) == (40, 40, "steps"))
  }

  @Test func aMetricThatLeavesTheNumbersEndsTheTraining() async throws {
    let context = context(Reports())
    let error = await #expect(throws: TrainingDiverged.self) {
      try await carryOut(
        Counting { ["loss": $0 == 4 ? .nan : 1] }, steps: 10, reportingTo: context)
    }
    #expect(error?.step == 3)
    #expect(error?.description.contains("loss is nan at step 3") == true)
  }

  @Test func cancellationStopsBetweenSteps() async throws {
    let context = context(Reports())
    let training = Task {
      let counting = Counting {
        if $0 == 5 { withUnsafeCurrentTask { $0?.cancel() } }
        return [:]
      }
      do {
        _ = try await carryOut(counting, steps: .max, reportingTo: context)
      } catch is CancellationError {
        return counting.stepsDone
      }
      return -1
    }
    #expect(try await training.value == 5)
  }

  // MARK: Interruption

  private let directory = FileManager.default.temporaryDirectory
    .appending(path: "training-\(UUID().uuidString)").path

  private func place(
    _ seed: UInt64 = 1, lease: String = "a", interval: Duration = .zero
  ) throws -> SavedTraining {
    let work = TrainValueWork(
      dataset: [], initial: nil,
      training: TrainingSettings(steps: 40, batchSize: 1, learningRate: 1),
      failureCost: nil)
    let job = Job(id: "job", task: nil, iteration: nil, seed: seed, work: .trainValue(work))
    return try TrainingShelf(directory: directory, interval: interval)
      .place(for: JobOrder(job: job, lease: lease), configuration: "{}")
  }

  @Test func anInterruptedTrainingGoesOnWhereItWasSaved() async throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let context = context(Reports())
    let first = try place()
    let interrupted = Counting { step in
      ["loss": step == 20 ? .nan : Double(step)]
    }
    await #expect(throws: TrainingDiverged.self) {
      try await carryOut(interrupted, steps: 40, saves: first, reportingTo: context)
    }
    // The job comes again under another lease, to another learner with the same directory.
    let second = try place(lease: "b")
    var steps: [Int] = []
    let resumed = Counting {
      steps.append($0)
      return ["loss": Double($0)]
    }
    let metrics = try await carryOut(resumed, steps: 40, saves: second, reportingTo: context)
    #expect(steps == Array(20...40))
    #expect(metrics["loss"] == 38.5)
    // Another job, or the same with other inputs, does not see it.
    let other = Counting()
    _ = try await carryOut(other, steps: 1, saves: try place(2), reportingTo: context)
    #expect(other.stepsDone == 1)
    try second.remove()
    try second.remove()
    let fresh = Counting()
    _ = try await carryOut(fresh, steps: 1, saves: try place(), reportingTo: context)
    #expect(fresh.stepsDone == 1)
  }

  @Test func aStoppedTrainingLosesNoStep() async throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let context = context(Reports())
    // Long before its time to be saved.
    let place = try place(interval: .seconds(3600))
    let training = Task {
      let stopped = Counting {
        if $0 == 17 { withUnsafeCurrentTask { $0?.cancel() } }
        return ["loss": Double($0)]
      }
      _ = try await carryOut(stopped, steps: 40, saves: place, reportingTo: context)
    }
    await #expect(throws: CancellationError.self) { try await training.value }
    var steps: [Int] = []
    let resumed = Counting {
      steps.append($0)
      return ["loss": Double($0)]
    }
    _ = try await carryOut(resumed, steps: 40, saves: place, reportingTo: context)
    #expect(steps == Array(18...40))
  }

  @Test func aStateThatDoesNotFitIsLeftOut() async throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let place = try place()
    try place.save(Counting())
    let files = try FileManager.default.contentsOfDirectory(atPath: directory)
    #expect(files.count == 1)
    try Data([1, 2]).write(to: URL(filePath: "\(directory)/\(files[0])"))
    let training = Counting()
    _ = try await carryOut(training, steps: 3, saves: place, reportingTo: context(Reports()))
    #expect(training.stepsDone == 3)
  }
}
