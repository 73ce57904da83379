import Messaging
import Testing

@testable import CoordinatorRole

struct AttendanceTests {
  func worker(_ name: String, _ incarnation: String) -> WorkerDescription {
    WorkerDescription(name: name, incarnation: incarnation, role: .valueLearner)
  }

  @Test("silence beyond the patience is a loss, a sign of life within it is not")
  func silence() {
    var attendance = Attendance(patience: .seconds(10))
    #expect(attendance.join(worker("a", "1"), at: .zero) == nil)
    #expect(attendance.join(worker("b", "1"), at: .zero) == nil)
    #expect(attendance.hear("a", incarnation: "1", at: .seconds(8)))
    #expect(attendance.removeSilent(at: .seconds(10)).isEmpty)
    #expect(attendance.removeSilent(at: .seconds(11)).map(\.name) == ["b"])
    #expect(!attendance.hear("b", incarnation: "1", at: .seconds(12)), "it has to join again")
    #expect(attendance.hear("a", incarnation: "1", at: .seconds(12)))
  }

  @Test("a restarted worker replaces its predecessor, whose words no longer count")
  func restart() {
    var attendance = Attendance(patience: .seconds(10))
    _ = attendance.join(worker("a", "1"), at: .zero)
    #expect(attendance.join(worker("a", "1"), at: .seconds(1)) == nil, "the same one again")
    #expect(attendance.join(worker("a", "2"), at: .seconds(2)) == "1")
    #expect(!attendance.hear("a", incarnation: "1", at: .seconds(3)))
    #expect(!attendance.leave("a", incarnation: "1"))
    #expect(attendance.leave("a", incarnation: "2"))
    #expect(attendance.workers.isEmpty)
  }
}
