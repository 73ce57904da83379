import Episodes
import Testing

@testable import CollectorRole

/// When the policy is asked and what is executed meanwhile, with times that are told.
struct ChunkScheduleTests {
  /// Ten actions of one number: first, first + 1, ….
  func chunk(from first: Float) -> ActionChunk {
    ActionChunk(values: (0..<10).map { first + Float($0) }, width: 1)
  }

  func schedule(
    _ executed: Int? = 4, overlaps: Bool = true, crossfade: Int = 0, watchdog: Duration? = nil
  ) -> ScheduleUnderTest {
    ScheduleUnderTest(
      ChunkSchedule(
        ControlTerms(
          overlapsInference: overlaps, crossfadeSteps: crossfade, watchdog: watchdog),
        executedActions: executed, controlRate: 10))
  }

  /// Begins with a chunk from 0, which took 150 ms: 1.5 steps, so that the policy is asked 3 steps ahead.
  func begun(_ schedule: ScheduleUnderTest) {
    #expect(schedule.next(at: 0) == .ask(question: 1))
    #expect(schedule.next(at: 0) == .wait(nil))
    #expect(schedule.answered(chunk(from: 0), to: 1, at: 150))
  }

  @Test("a chunk that is there in time takes over without the steps that are past")
  func inTime() {
    let schedule = schedule()
    begun(schedule)
    // Actions 0 to 3 are to be executed; 3 steps before the end the policy is asked.
    #expect(schedule.next(at: 150) == .execute(chunk(from: 0), steps: 1))
    schedule.executed([[0]])
    #expect(schedule.next(at: 250) == .ask(question: 2))
    #expect(schedule.next(at: 250) == .execute(chunk(from: 0).dropping(1), steps: 3))
    // Early: it waits for the steps that were asked of the robot.
    #expect(schedule.answered(chunk(from: 100), to: 2, at: 400))
    schedule.executed([[1], [2], [3]])
    // Seen before step 1; it is step 4 now.
    #expect(schedule.next(at: 550) == .execute(chunk(from: 100).dropping(3), steps: 1))
    let counts = schedule.takeCounts()
    #expect(counts.chunks == 2 && counts.lateChunks == 0 && counts.holds == 0)
    #expect(schedule.takeCounts() == ControlCounts())
  }

  @Test("just in time is in time")
  func justInTime() {
    let schedule = schedule(10)
    begun(schedule)
    #expect(schedule.next(at: 150) == .execute(chunk(from: 0), steps: 7))
    schedule.executed((0..<7).map { [Float($0)] })
    #expect(schedule.next(at: 850) == .ask(question: 2))
    #expect(schedule.next(at: 850) == .execute(chunk(from: 0).dropping(7), steps: 3))
    schedule.executed([[7], [8], [9]])
    #expect(schedule.answered(chunk(from: 100), to: 2, at: 1140))
    // 290 ms are 3 steps, and one more: the next is asked for when 4 are left of the 7.
    #expect(schedule.next(at: 1150) == .execute(chunk(from: 100).dropping(3), steps: 3))
    #expect(schedule.takeCounts().lateChunks == 0)
  }

  /// To where the second chunk should take over and is not there: 4 of 10 actions are executed.
  func overdue(_ schedule: ScheduleUnderTest) {
    begun(schedule)
    _ = schedule.next(at: 150)
    schedule.executed([[0]])
    #expect(schedule.next(at: 250) == .ask(question: 2))
    _ = schedule.next(at: 250)
    schedule.executed([[1], [2], [3]])
  }

  @Test(
    "an overdue chunk is late when the present one is through; then the last action is repeated")
  func late() {
    let schedule = schedule(crossfade: 2)
    overdue(schedule)
    for step in 4..<10 {
      #expect(
        schedule.next(at: 150 + 100 * step)
          == .execute(chunk(from: 0).dropping(step), steps: 1))
      schedule.executed([[Float(step)]])
    }
    #expect(schedule.takeCounts().lateChunks == 0)
    // Step 10: as executed, whatever was asked.
    schedule.executed([])
    #expect(schedule.next(at: 1150) == .execute(chunk(from: 9).prefix(1), steps: 1))
    schedule.executed([[8.5]])
    #expect(schedule.next(at: 1250) == .execute(ActionChunk(action: [8.5]), steps: 1))
    schedule.executed([[8.5]])
    // Late once, however long.
    #expect(schedule.takeCounts().lateChunks == 1)
    // Asked before step 1, answered before step 12: nothing is left of ten actions, so the policy is asked again.
    #expect(schedule.answered(chunk(from: 100), to: 2, at: 1350))
    #expect(schedule.next(at: 1350) == .ask(question: 3))
    #expect(schedule.answered(chunk(from: 200), to: 3, at: 1500))
    // The slowest of the last answers decides, so the next question comes at once.
    #expect(schedule.next(at: 1500) == .ask(question: 4))
    #expect(schedule.next(at: 1500) == .execute(chunk(from: 200), steps: 4))
  }

  @Test("a late chunk takes over from the repeated action, step by step")
  func lateChangeOver() {
    let schedule = schedule(10, crossfade: 2)
    begun(schedule)
    _ = schedule.next(at: 150)
    schedule.executed((0..<7).map { [Float($0)] })
    #expect(schedule.next(at: 850) == .ask(question: 2))
    _ = schedule.next(at: 850)
    schedule.executed([[7], [8], [9]])
    #expect(schedule.next(at: 1150) == .execute(ActionChunk(action: [9]), steps: 1))
    schedule.executed([[9]])
    #expect(schedule.answered(chunk(from: 17), to: 2, at: 1290))
    // Asked before step 7, it is step 11: 21, 22, 23 … are left. A third of 21, two thirds of 22, and 9 for the rest.
    guard case .ask = schedule.next(at: 1290),
      case .execute(let chunk, _) = schedule.next(at: 1290)
    else {
      Issue.record("expected a question and a chunk")
      return
    }
    let expected: [Float] = [9 + 12 / 3, 9 + 13 * 2 / 3, 23, 24, 25, 26]
    #expect(zip(chunk.values, expected).allSatisfy { abs($0 - $1) < 1e-5 }, "\(chunk.values)")
    #expect(chunk.count == 6)
  }

  @Test("after the watchdog's time the robot is told to hold, and goes on from what it senses then")
  func watchdog() {
    let schedule = schedule(watchdog: .milliseconds(200))
    #expect(schedule.next(at: 0) == .ask(question: 1))
    #expect(schedule.next(at: 0) == .wait(.milliseconds(200)))
    #expect(schedule.answered(chunk(from: 0), to: 1, at: 150))
    _ = schedule.next(at: 150)
    schedule.executed([[0]])
    #expect(schedule.next(at: 250) == .ask(question: 2))
    _ = schedule.next(at: 250)
    schedule.executed((1..<10).map { [Float($0)] })
    for time in [1150, 1250] {
      #expect(schedule.next(at: time) == .execute(ActionChunk(action: [9]), steps: 1))
      schedule.executed([[9]])
    }
    #expect(schedule.next(at: 1350) == .hold)
    #expect(schedule.next(at: 1360) == .wait(nil))
    // What it wanted was meant for a robot in motion.
    #expect(!schedule.answered(chunk(from: 100), to: 2, at: 2000))
    #expect(schedule.next(at: 2000) == .hold)
    #expect(schedule.next(at: 2001) == .ask(question: 3))
    #expect(schedule.next(at: 2001) == .wait(nil))
    #expect(schedule.answered(chunk(from: 200), to: 3, at: 2150))
    #expect(schedule.next(at: 2150) == .ask(question: 4))
    #expect(schedule.next(at: 2150) == .execute(chunk(from: 200), steps: 4))
    let counts = schedule.takeCounts()
    #expect(counts.lateChunks == 1 && counts.holds == 1 && counts.chunks == 2)
  }

  @Test("a robot that stands when the policy is asked may be told to hold, and its answer counts")
  func watchdogAtRest() {
    let schedule = schedule(nil, overlaps: false, watchdog: .milliseconds(300))
    #expect(schedule.next(at: 100) == .ask(question: 1))
    #expect(schedule.next(at: 100) == .wait(.milliseconds(300)))
    #expect(schedule.next(at: 300) == .wait(.milliseconds(100)))
    #expect(schedule.next(at: 400) == .hold)
    #expect(schedule.next(at: 410) == .wait(nil))
    #expect(schedule.answered(chunk(from: 0), to: 1, at: 500))
    #expect(schedule.next(at: 500) == .execute(chunk(from: 0), steps: 10))
    let counts = schedule.takeCounts()
    #expect(counts.holds == 1 && counts.lateChunks == 0)
  }

  @Test("without overlap each chunk is executed at once, and asked for at its end")
  func sequential() {
    let schedule = schedule(4, overlaps: false)
    begun(schedule)
    #expect(schedule.next(at: 150) == .execute(chunk(from: 0), steps: 4))
    schedule.executed([[0], [1], [2], [3]])
    #expect(schedule.next(at: 550) == .ask(question: 2))
    #expect(schedule.next(at: 550) == .wait(nil))
    #expect(schedule.answered(chunk(from: 100), to: 2, at: 700))
    #expect(schedule.next(at: 700) == .execute(chunk(from: 100), steps: 4))
  }

  @Test("what was asked before a person took over is of no use")
  func interruption() {
    let schedule = schedule()
    overdue(schedule)
    schedule.interrupted()
    #expect(!schedule.answered(chunk(from: 100), to: 2, at: 600))
    #expect(schedule.next(at: 600) == .ask(question: 3))
  }

  @Test("for what comes after the time limit the policy is not asked")
  func lastChunk() {
    let schedule = schedule()
    begun(schedule)
    #expect(
      schedule.next(at: 150, stepsLeft: 10) == .execute(chunk(from: 0), steps: 10))
  }
}

/// A schedule that can be asked within an expectation, with times in ms.
final class ScheduleUnderTest {
  private var schedule: ChunkSchedule

  init(_ schedule: ChunkSchedule) { self.schedule = schedule }

  func next(at milliseconds: Int, stepsLeft: Int = 100) -> ChunkSchedule.Move {
    schedule.next(at: .milliseconds(milliseconds), stepsLeft: stepsLeft)
  }

  func answered(_ chunk: ActionChunk, to question: Int, at milliseconds: Int) -> Bool {
    schedule.answered(chunk, to: question, at: .milliseconds(milliseconds))
  }

  func executed(_ steps: [[Float]]) { schedule.executed(steps) }

  func interrupted() { schedule.interrupted() }

  func takeCounts() -> ControlCounts { schedule.takeCounts() }
}

extension ActionChunk {
  fileprivate func prefix(_ count: Int) -> ActionChunk {
    ActionChunk(values: Array(values[..<(count * width)]), width: width)
  }
}

/// Arithmetic worked out by hand.
struct ActionTests {
  @Test("a change-over is linear, and exact where the other chunk says the same")
  func blending() {
    let new = ActionChunk(values: [10, 20, 10, 20, 10, 20, 10, 20], width: 2)
    let blended = new.blended(over: 3) { step in [2, 20 + 4 * Float(step)] }
    // Shares 1/4, 2/4, 3/4.
    #expect(blended.values == [4, 20, 6, 22, 8, 22, 10, 20])
    #expect(new.blended(over: 0) { _ in [0, 0] } == new)
    // Shorter than the change-over.
    let short = ActionChunk(values: [4], width: 1).blended(over: 3) { _ in [0] }
    #expect(short.values == [1])
  }

  @Test("actions are kept in range, and change by no more than allowed from what was executed last")
  func limits() {
    let limits = ActionLimits(minimum: [-1, -10], maximum: [1, 10], maximumChange: [0.5, 100])
    let asked = ActionChunk(values: [0.25, 0, 2, 11, 1, -11, 1, 0], width: 2)
    let (chunk, changed) = limits.applied(to: asked, after: [0, 0])
    #expect(chunk.values == [0.25, 0, 0.75, 10, 1, -10, 1, 0])
    #expect(changed == [false, true, true, false])
    // The first action of an episode has nothing before it.
    #expect(limits.applied(to: asked, after: nil).chunk.values.prefix(4) == [0.25, 0, 0.75, 10])
    // Someone else brought the robot beyond its range: the range counts.
    let back = limits.applied(to: ActionChunk(action: [0, 0]), after: [3, 0])
    #expect(back.chunk.values == [1, 0] && back.changed == [true])
    #expect(ActionLimits().applied(to: asked, after: [0, 0]).chunk == asked)
  }
}
