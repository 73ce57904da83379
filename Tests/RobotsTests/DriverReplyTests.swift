import Episodes
import Messaging
import Testing

@testable import Robots

@Suite("What a driver says is checked")
struct DriverReplyTests {
  struct Spoilt: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var reason: String
    var supervision = Supervision.none
    var spoil: @Sendable (inout Envelope<DriverTurn>) -> Void
  }

  static let spoilt: [Spoilt] = [
    Spoilt(testDescription: "missing frame", reason: "the frame 'action' is missing") {
      $0.frames.removeAll { $0.description.name == "action" }
    },
    Spoilt(testDescription: "wide state", reason: "observation.state: F32[2, 1]") {
      replace(
        "observation.state",
        by: .init(name: "observation.state", shape: [2, 2], floats: [1, 2, 3, 4]), in: &$0)
    },
    Spoilt(testDescription: "wrong type", reason: "intervention: BOOL[2]") {
      replace("intervention", by: .init(name: "intervention", shape: [2], int32s: [0, 0]), in: &$0)
    },
    Spoilt(
      testDescription: "image of another size", reason: "observation.images.eye: U8[2, 1, 2, 3]"
    ) {
      let name = "observation.images.eye"
      replace(
        name, by: .init(name: name, shape: [2, 2, 1, 3], bytes: Array(repeating: 0, count: 12)),
        in: &$0)
    },
    Spoilt(testDescription: "not finite", reason: "action: value 0 of row 1 is inf") {
      replace("action", by: .init(name: "action", shape: [2, 1], floats: [0, .infinity]), in: &$0)
    },
    Spoilt(
      testDescription: "not finite now", reason: "next.observation.state: value 0 of row 0 is nan"
    ) {
      let name = "next.observation.state"
      if $0.body.steps > 0 {
        replace(name, by: .init(name: name, shape: [1], floats: [.nan]), in: &$0)
      }
    },
    Spoilt(testDescription: "too many steps", reason: "steps: expected 0 to 2, got 3") {
      if $0.body.steps > 0 { $0.body.steps = 3 }
    },
    Spoilt(testDescription: "negative steps", reason: "steps: expected 0 to 2, got -1") {
      if $0.body.steps > 0 { $0.body.steps = -1 }
    },
    Spoilt(testDescription: "nothing done", reason: "executed nothing, and nothing changed") {
      $0.body.steps = 0
    },
    Spoilt(testDescription: "unknown subtask", reason: "subtask_index: 2; 'reach' has 2 subtasks") {
      replace(
        "subtask_index", by: .init(name: "subtask_index", shape: [2], int32s: [-1, 2]), in: &$0)
    },
    Spoilt(testDescription: "uninvited person", reason: "a person acted where nobody may") {
      replace(
        "intervention", by: .init(name: "intervention", shape: [2], bools: [false, true]), in: &$0)
    },
    Spoilt(testDescription: "uninvited person next", reason: "nobody may take over") {
      if $0.body.steps > 0 { $0.body.personInControl = true }
    },
    Spoilt(
      testDescription: "no person in a demonstration", reason: "not the person's",
      supervision: .demonstration
    ) {
      replace(
        "intervention", by: .init(name: "intervention", shape: [2], bools: [true, false]), in: &$0)
    },
  ]

  @Test(
    "a reason is one line of at most 200 code points, and belongs to an ending",
    arguments: [
      ("cup dropped", .failure, "cup dropped"), (" cup\n\tdropped\u{1B} ", .failure, "cup dropped"),
      ("at the door", .success, "at the door"), ("\n ", .failure, nil), (nil, .failure, nil),
      ("not yet", nil, nil),
      (String(repeating: "é", count: 300), .failure, String(repeating: "é", count: 200)),
    ] as [(String?, Outcome?, String?)])
  func reason(said: String?, outcome: Outcome?, recorded: String?) async throws {
    let driver = FakeDriver {
      if $0.body.steps > 0 { ($0.body.outcome, $0.body.reason) = (outcome, said) }
    }
    try await withDriver(driver) { client in
      let robot = try await DriverRobot.connect(client: client)
      _ = try await robot.begin(task: "reach", seed: 1, supervision: .none)
      let turn = try await robot.execute(ActionChunk(values: [0, 0], width: 1), steps: 2)
      #expect(turn.outcome == outcome)
      #expect(turn.reason == recorded)
    }
  }

  @Test("a driver may leave the outcome to a rater, and say of each criterion what it knows")
  func unjudged() async throws {
    let driver = FakeDriver {
      guard $0.body.steps > 0 else { return }
      ($0.body.outcome, $0.body.criteria) = (
        .unjudged, ["label": false, " build\n": true, "": true]
      )
    }
    try await withDriver(driver) { client in
      let robot = try await DriverRobot.connect(client: client)
      _ = try await robot.begin(task: "reach", seed: 1, supervision: .none)
      let turn = try await robot.execute(ActionChunk(values: [0, 0], width: 1), steps: 2)
      #expect(turn.outcome == .unjudged)
      let expected = [
        StageScore(name: "build", isDone: true), StageScore(name: "label", isDone: false),
      ]
      #expect(turn.stages == expected)
    }
  }

  static func replace(
    _ name: String, by frame: Frame, in reply: inout Envelope<DriverTurn>
  ) {
    if let index = reply.frames.firstIndex(where: { $0.description.name == name }) {
      reply.frames[index] = frame
    }
  }

  @Test("A bad reply is named", arguments: spoilt)
  func spoiltReply(_ spoilt: Spoilt) async throws {
    try await withDriver(FakeDriver(spoiling: spoilt.spoil)) { client in
      let robot = try await DriverRobot.connect(client: client)
      _ = try await robot.begin(task: "reach", seed: 1, supervision: spoilt.supervision)
      let error = await #expect(throws: DriverError.self) {
        try await robot.execute(ActionChunk(values: [0, 0], width: 1), steps: 2)
      }
      guard case .invalidReply(let reason) = error else {
        Issue.record("expected an invalid reply, got \(String(describing: error))")
        return
      }
      #expect(reason.contains(spoilt.reason))
    }
  }

  @Test("Steps may go without subtasks")
  func noSubtasks() async throws {
    let driver = FakeDriver { $0.frames.removeAll { $0.description.name == "subtask_index" } }
    try await withDriver(driver) { client in
      let robot = try await DriverRobot.connect(client: client)
      _ = try await robot.begin(task: "reach", seed: 1, supervision: .none)
      let turn = try await robot.execute(ActionChunk(values: [0, 0], width: 1), steps: 2)
      #expect(turn.steps.map(\.subtask) == [nil, nil])
    }
  }

  struct Impossible: Sendable {
    var reason: String
    var change: @Sendable (inout DriverDescription) -> Void
  }

  static let impossible: [Impossible] = [
    Impossible(reason: "embodiment.name") { $0.embodiment.name = "" },
    Impossible(reason: "proprioceptionWidth") { $0.embodiment.proprioceptionWidth = 0 },
    Impossible(reason: "environmentStateWidth") { $0.embodiment.environmentStateWidth = -1 },
    Impossible(reason: "actionWidth") { $0.embodiment.actionWidth = -3 },
    Impossible(reason: "controlRate") { $0.embodiment.controlRate = 0 },
    Impossible(reason: "'eye' has 0 × 1 pixels") { $0.embodiment.cameras[0].width = 0 },
    Impossible(reason: "two cameras") { $0.embodiment.cameras += $0.embodiment.cameras },
    Impossible(reason: "no tasks") { $0.tasks = [] },
    Impossible(reason: "two tasks") { $0.tasks += $0.tasks },
    Impossible(reason: "reach: maximumSteps") { $0.tasks[0].maximumSteps = 0 },
  ]

  @Test("A robot that cannot be is refused", arguments: impossible.indices)
  func impossibleRobot(_ index: Int) async throws {
    let impossible = Self.impossible[index]
    var description = FakeDriver.description
    impossible.change(&description)
    try await withDriver(FakeDriver(describing: description)) { client in
      let error = await #expect(throws: DriverError.self) {
        try await DriverRobot.connect(client: client)
      }
      #expect(error?.description.contains(impossible.reason) == true)
    }
  }
}
