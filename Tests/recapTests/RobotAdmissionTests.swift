import Configuration
import Episodes
import Messaging
import Testing

@testable import CoordinatorRole

struct RobotAdmissionTests {
  var admission = admission()

  static func admission(
    cameras: CameraSize = .off, environmentState: Bool = false
  ) -> RobotAdmission {
    RobotAdmission(
      tasks: ["fold", "pour"],
      robots: ["a", "b"].map {
        var robot = RobotSettings.driver(named: $0, at: "ipc:///\($0)")
        robot.observation.cameras = cameras
        robot.observation.environmentState = environmentState
        return robot
      })
  }

  func robot(
    _ name: String, _ tasks: [String], width: Int = 8, state: Int = 0, cameras: [Camera] = []
  ) -> WorkerDescription {
    WorkerDescription(
      name: name, incarnation: "1", role: .collector,
      embodiment: Embodiment(
        name: "arm", proprioceptionWidth: 4, environmentStateWidth: state, cameras: cameras,
        actionWidth: width, controlRate: 10),
      tasks: tasks.map { TaskDescription(name: $0, instruction: $0, maximumSteps: 9) })
  }

  @Test("the embodiment of episodes that the run has already decides before any robot")
  func recordedEmbodiment() throws {
    let recorded = try #require(robot("a", []).embodiment)
    var admission = RobotAdmission(tasks: ["fold"], robots: [], embodiment: recorded)
    var refusal: RobotRefused?
    do { try admission.admit(robot("b", ["fold"], width: 7)) } catch { refusal = error }
    #expect(refusal?.reason.contains("actionWidth: 7") == true, "\(String(describing: refusal))")
    try admission.admit(robot("a", ["fold"]))
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

  @Test(
    "a robot that lacks what the configuration says it senses is refused by the key",
    arguments: [
      (CameraSize.off, true, "robots.b.observation.environmentState is true"),
      (.pixels(64), false, "robots.b.observation.cameras is 64"),
    ])
  func missingSenses(cameras: CameraSize, environmentState: Bool, message: String) throws {
    var admission = Self.admission(cameras: cameras, environmentState: environmentState)
    var refusal: RobotRefused?
    do { try admission.admit(robot("b", ["fold"])) } catch { refusal = error }
    #expect(refusal?.reason.hasPrefix("\(message), but the embodiment 'arm' reports no ") == true)
    // More than the configuration asks for does no harm.
    let camera = Camera(name: "eye", width: 64, height: 64)
    try admission.admit(robot("b", ["fold"], state: 3, cameras: [camera]))
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
