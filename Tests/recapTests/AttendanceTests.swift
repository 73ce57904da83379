import Messaging
import Testing

@testable import CoordinatorRole

struct AttendanceTests {
  var attendance = Attendance(patience: .seconds(10))

  func worker(_ name: String, _ incarnation: String) -> WorkerDescription {
    WorkerDescription(name: name, incarnation: incarnation, role: .valueLearner)
  }

  @Test("silence beyond the patience is a loss, a sign of life within it is not")
  mutating func silence() {
    _ = attendance.join(worker("a", "1"), at: .zero)
    _ = attendance.join(worker("b", "1"), at: .zero)
    let inTime = attendance.hear("a", incarnation: "1", at: .seconds(8))
    let early = attendance.removeSilent(at: .seconds(10))
    let late = attendance.removeSilent(at: .seconds(11))
    let tooLate = attendance.hear("b", incarnation: "1", at: .seconds(12))
    #expect(inTime)
    #expect(early.isEmpty)
    #expect(late.map(\.name) == ["b"])
    #expect(!tooLate, "it has to join again")
  }

  @Test("a restarted worker replaces its predecessor, whose words no longer count")
  mutating func restart() {
    _ = attendance.join(worker("a", "1"), at: .zero)
    let again = attendance.join(worker("a", "1"), at: .seconds(1))
    let replaced = attendance.join(worker("a", "2"), at: .seconds(2))
    let oldHeard = attendance.hear("a", incarnation: "1", at: .seconds(3))
    let oldLeft = attendance.leave("a", incarnation: "1")
    let newLeft = attendance.leave("a", incarnation: "2")
    #expect(again == nil, "the same one said hello again")
    #expect(replaced == "1")
    #expect(attendance.isReplaced(incarnation: "1") && !attendance.isReplaced(incarnation: "2"))
    #expect(!oldHeard && !oldLeft && newLeft)
    #expect(attendance.workers.isEmpty)
  }

  @Test("how a robot fares is what its collector said last, until it starts anew")
  mutating func vitals() {
    _ = attendance.join(worker("a", "1"), at: .zero)
    let vitals = RobotVitals(spooledEpisodes: 2, chunks: 9, lateChunks: 1)
    let heard = attendance.hear("a", incarnation: "1", at: .seconds(1), vitals: vitals)
    let heardAgain = attendance.hear("a", incarnation: "1", at: .seconds(2))
    #expect(heard && heardAgain)
    #expect(attendance.workers["a"]?.vitals == vitals)
    _ = attendance.join(worker("a", "2"), at: .seconds(3))
    #expect(attendance.workers["a"]?.vitals == nil)
  }
}
