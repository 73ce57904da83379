import Episodes
import Messaging
import Testing

@testable import CoordinatorRole

struct RobotAdmissionTests {
  var admission = RobotAdmission(tasks: ["fold", "pour"], expected: ["a", "b"])

  func robot(_ name: String, _ tasks: [String], width: Int = 8) -> WorkerDescription {
    WorkerDescription(
      name: name, incarnation: "1", role: .collector,
      embodiment: Embodiment(
        name: "arm", proprioceptionWidth: 4, environmentStateWidth: 0, cameras: [],
        actionWidth: width, controlRate: 10),
      tasks: tasks.map { TaskDescription(name: $0, instruction: $0, maximumSteps: 9) })
  }

  @Test("the first robot decides the embodiment; another is refused with the difference")
  mutating func embodiment() throws {
    try admission.admit(robot("a", ["fold"]))
    var refusal: RobotRefused?
    do { try admission.admit(robot("b", ["pour"], width: 7)) } catch { refusal = error }
    #expect(refusal?.robot == "b")
    #expect(refusal?.description.contains("actionWidth: 8") == true)
    #expect(refusal?.description.contains("actionWidth: 7") == true)
  }

  @Test("a robot without a task of this run is refused")
  mutating func foreignTasks() {
    var refusal: RobotRefused?
    do { try admission.admit(robot("a", ["dance"])) } catch { refusal = error }
    #expect(
      refusal?.description
        == "robot 'a' cannot take part: it offers dance; this run practises fold, pour")
  }

  @Test("when all robots are here, a task that none offers is noticed")
  mutating func unofferedTask() throws {
    try admission.admit(robot("a", ["fold", "dance"]))
    let early = admission.unofferedTasks
    try admission.admit(robot("b", ["fold"]))
    let late = admission.unofferedTasks
    try admission.admit(robot("c", ["pour"]))
    let helped = admission.unofferedTasks
    #expect(early.isEmpty)
    #expect(late == ["pour"])
    #expect(helped.isEmpty)
  }
}
