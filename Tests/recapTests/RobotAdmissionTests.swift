import Configuration
import Episodes
import Foundation
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
    #expect(
      refusal?.reason == "action: expected 8 values, the robot has 7 values",
      "\(String(describing: refusal))")
    try admission.admit(robot("a", ["fold"]))
  }

  @Test("the first robot decides the embodiment; another is refused with the difference")
  mutating func embodiment() throws {
    try admission.admit(robot("a", ["fold"]))
    var refusal: RobotRefused?
    do { try admission.admit(robot("b", ["pour"], width: 7)) } catch { refusal = error }
    #expect(refusal?.robot == "b")
    #expect(
      refusal?.description
        == "robot 'b' cannot take part: action: expected 8 values, the robot has 7 values")
  }

  @Test("every difference is told, exactly, before the first episode")
  mutating func differences() throws {
    let front = Camera(name: "front", width: 64, height: 64)
    let wrist = Camera(name: "wrist", width: 64, height: 48)
    try admission.admit(robot("a", ["fold"], cameras: [front, wrist]))
    var other = robot(
      "b", ["fold"], width: 1, state: 2,
      cameras: [
        Camera(name: "wrist", width: 32, height: 48), Camera(name: "top", width: 9, height: 9),
      ])
    other.embodiment?.name = "leg"
    other.embodiment?.proprioceptionWidth = 5
    other.embodiment?.controlRate = 20
    var refusal: RobotRefused?
    let now = Date(timeIntervalSince1970: 1_000_000)
    do {
      try admission.admit(other, time: now.addingTimeInterval(-3_600), now: now)
    } catch { refusal = error }
    #expect(
      refusal?.reason.components(separatedBy: "; ") == [
        "embodiment: expected arm, the robot has leg",
        "observation.state: expected 4 values, the robot has 5 values",
        "observation.environment_state: expected none, the robot has 2 values",
        "action: expected 8 values, the robot has 1 value",
        "control rate: expected 10.0 Hz, the robot has 20.0 Hz",
        "camera 'front': expected 64 × 64 pixels, the robot has none",
        "camera 'wrist': expected 64 × 48 pixels, the robot has 32 × 48 pixels",
        "camera 'top': expected none, the robot has 9 × 9 pixels",
        "clock: the robot's machine is 3600 s behind the coordinator's (at most 60 s are allowed): set its "
          + "clock, with NTP for example",
      ])
    // The same cameras in another order would be taken for each other.
    let turned = robot("b", ["fold"], cameras: [wrist, front])
    do { try admission.admit(turned) } catch { refusal = error }
    #expect(
      refusal?.reason == "order of cameras: expected front, wrist, the robot has wrist, front")
    try admission.admit(robot("b", ["fold"], cameras: [front, wrist]), time: now, now: now)
  }

  @Test(
    "cameras of another size than the configuration's are refused before an episode is recorded")
  func cameraSize() throws {
    var admission = Self.admission(cameras: .pixels(64))
    var refusal: RobotRefused?
    do {
      try admission.admit(
        robot("a", ["fold"], cameras: [Camera(name: "eye", width: 96, height: 72)]))
    } catch { refusal = error }
    #expect(
      refusal?.reason
        == "robots.a.observation.cameras is 64, but camera 'eye' has 96 × 72 pixels; set it to the "
        + "camera's size, or have the robot send frames of 64 × 64")
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

  @Test("a robot that comes again with other tasks no longer offers the old ones")
  mutating func changedTasks() throws {
    try admission.admit(robot("a", ["fold"]))
    try admission.admit(robot("b", ["fold", "pour"]))
    let all = (admission.offeredTasks, admission.unofferedTasks)
    try admission.admit(robot("b", ["fold"]))
    let fewer = (admission.offeredTasks, admission.unofferedTasks)
    try admission.admit(robot("a", ["pour"]))
    let again = (admission.offeredTasks, admission.unofferedTasks)
    #expect(all == (["fold", "pour"], []))
    #expect(fewer == (["fold"], ["pour"]))
    #expect(again == (["fold", "pour"], []))
  }
}
