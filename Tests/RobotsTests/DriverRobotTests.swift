import Episodes
import Messaging
import Testing

@testable import Robots

@Suite("A robot behind the driver link")
struct DriverRobotTests {
  private func chunk(_ actions: Float...) -> ActionChunk { ActionChunk(values: actions, width: 1) }

  @Test("An episode from begin to success")
  func episode() async throws {
    try await withDriver(FakeDriver()) { client in
      let robot = try await DriverRobot.connect(client: client)
      #expect(robot.embodiment == FakeDriver.description.embodiment)
      #expect(robot.tasks == FakeDriver.description.tasks)

      let first = try await robot.begin(task: "reach", seed: .max, supervision: .none)
      #expect(first.steps.isEmpty && first.outcome == nil && !first.personInControl)
      #expect(
        first.observation
          == Observation(
            proprioception: [0], environmentState: [1, 1], images: [[0, 1, 2, 3, 4, 5]]))

      let turn = try await robot.execute(chunk(0.5, 0.25), steps: 2)
      #expect(turn.steps.map(\.action) == [[0.5], [0.25]])
      #expect(turn.steps.map(\.observation.proprioception) == [[0], [0.5]])
      #expect(turn.steps.map(\.observation.environmentState) == [[1, 1], [1, 0.5]])
      #expect(
        turn.steps.map(\.observation.images) == [[[0, 1, 2, 3, 4, 5]], [[5, 6, 7, 8, 9, 10]]])
      #expect(turn.steps.map(\.intervention) == [false, false])
      #expect(turn.steps.map(\.subtask) == [0, 1])
      #expect(turn.observation.proprioception == [0.75])

      // The end is reached before the chunk is through.
      let last = try await robot.execute(chunk(0.25, 0.25, 0.25), steps: 3)
      #expect(last.outcome == .success)
      #expect(last.steps.count == 1)
      await #expect(throws: DriverError.invalidRequest("no episode is running: begin one")) {
        try await robot.execute(chunk(0.1), steps: 1)
      }
    }
  }

  @Test("A person demonstrates without a chunk")
  func demonstration() async throws {
    try await withDriver(FakeDriver()) { client in
      let robot = try await DriverRobot.connect(client: client)
      let first = try await robot.begin(task: "reach", seed: 1, supervision: .demonstration)
      #expect(first.personInControl)
      let turn = try await robot.execute(nil, steps: 8)
      #expect(turn.outcome == .success)
      #expect(turn.steps.allSatisfy { $0.intervention && $0.action == [0.2] })
    }
  }

  @Test("A person takes over in the middle of a chunk and hands back")
  func corrections() async throws {
    try await withDriver(FakeDriver()) { client in
      let robot = try await DriverRobot.connect(client: client)
      _ = try await robot.begin(task: "reach", seed: 1, supervision: .corrections)
      let turn = try await robot.execute(chunk(-0.25, -0.25, -0.25, -0.25), steps: 4)
      #expect(turn.steps.map(\.intervention) == [false, false, false, true])
      #expect(turn.personInControl)
      let mended = try await robot.execute(nil, steps: 8)
      #expect(mended.steps.count == 3 && !mended.personInControl)
      await #expect(throws: DriverError.self) { try await robot.execute(nil, steps: 8) }
      // That mistake was ours and cost nothing.
      _ = try await robot.execute(chunk(0.1), steps: 1)
    }
  }

  @Test("Lost, repeated and late messages move the robot once", arguments: 0..<5 as Range<UInt64>)
  func faults(seed: UInt64) async throws {
    let driver = FakeDriver()
    let faults = FaultPlan(
      seed: seed, loss: 0.3, duplication: 0.2, longestDelay: .milliseconds(2))
    try await withDriver(driver, faults: faults) { client in
      let robot = try await DriverRobot.connect(
        client: client, patience: DriverPatience(repeating: .milliseconds(10)))
      _ = try await robot.begin(task: "reach", seed: 1, supervision: .none)
      for step in 0..<20 {
        let turn = try await robot.execute(chunk(0.03125, 0), steps: 2)
        #expect(turn.steps.map(\.observation.proprioception[0]).first == Float(step) * 0.03125)
      }
    }
    #expect(await driver.moves == 40)
    #expect(await driver.resets == 1)
  }

  @Test("A robot is told to hold once, and goes on from what is sensed then")
  func hold() async throws {
    let driver = FakeDriver()
    let faults = FaultPlan(seed: 3, loss: 0.3, duplication: 0.2, longestDelay: .milliseconds(2))
    try await withDriver(driver, faults: faults) { client in
      let robot = try await DriverRobot.connect(
        client: client, patience: DriverPatience(repeating: .milliseconds(10)))
      #expect(robot.holds)
      await #expect(throws: DriverError.invalidRequest("no episode is running: begin one")) {
        try await robot.hold()
      }
      _ = try await robot.begin(task: "reach", seed: 1, supervision: .none)
      _ = try await robot.execute(chunk(0.5), steps: 1)
      let held = try await robot.hold()
      #expect(held.steps.isEmpty && held.outcome == nil)
      #expect(held.observation.proprioception == [0.5])
      let turn = try await robot.execute(chunk(0.25), steps: 1)
      #expect(turn.steps.map(\.observation.proprioception) == [[0.5]])
    }
    #expect(await driver.holds == 1)
    #expect(await driver.moves == 2)
  }

  @Test("A robot whose answer was of no use may still be told to hold, and the episode stays lost")
  func holdAfterFailure() async throws {
    let driver = FakeDriver { reply in
      if reply.body.steps > 0 { reply.body.steps = 9 }
    }
    try await withDriver(driver) { client in
      let robot = try await DriverRobot.connect(client: client)
      _ = try await robot.begin(task: "reach", seed: 1, supervision: .none)
      await #expect(throws: DriverError.invalidReply("steps: expected 0 to 1, got 9")) {
        try await robot.execute(chunk(0.5), steps: 1)
      }
      _ = try await robot.hold()
      await #expect(throws: DriverError.invalidRequest("no episode is running: begin one")) {
        try await robot.execute(chunk(0.5), steps: 1)
      }
    }
    #expect(await driver.holds == 1)
  }

  @Test("What cannot be asked is refused before it is sent")
  func invalidRequests() async throws {
    let driver = FakeDriver()
    try await withDriver(driver) { client in
      let robot = try await DriverRobot.connect(client: client)
      await #expect(
        throws: DriverError.invalidRequest(
          "the driver does not offer the task 'fly'; it offers reach")
      ) {
        try await robot.begin(task: "fly", seed: 1, supervision: .none)
      }
      _ = try await robot.begin(task: "reach", seed: 1, supervision: .none)
      await #expect(
        throws: DriverError.invalidRequest("action: the robot takes 1 values, the chunk has 2")
      ) {
        try await robot.execute(ActionChunk(values: [1, 2], width: 2), steps: 1)
      }
      await #expect(
        throws: DriverError.invalidRequest("action: value 0 of action 1 is nan")
      ) {
        try await robot.execute(chunk(0, .nan), steps: 2)
      }
      await #expect(throws: DriverError.invalidRequest("action: the chunk is empty")) {
        try await robot.execute(ActionChunk(values: [], width: 1), steps: 1)
      }
      await #expect(throws: DriverError.invalidRequest("steps: expected at least 1, got 0")) {
        try await robot.execute(chunk(0), steps: 0)
      }
      _ = try await robot.execute(chunk(0), steps: 1)
    }
    #expect(await driver.moves == 1)
  }

  @Test("A driver that is not there is told with its name, first while it is awaited")
  func silence() async throws {
    let transport = InProcessTransport()
    let (notices, notice) = AsyncStream.makeStream(of: String.self)
    let driver = "the driver of 'arm' at ipc:///nowhere"
    await #expect(throws: DriverError.silent(driver: driver, seconds: 1, log: nil)) {
      try await DriverRobot.connect(
        client: transport.connect(),
        patience: DriverPatience(
          start: .seconds(1), notice: .milliseconds(10), repeating: .milliseconds(20)),
        called: driver, notify: { notice.yield($0) })
    }
    notice.finish()
    #expect(await notices.reduce(into: []) { $0.append($1) } == ["waiting for \(driver)"])
  }

  @Test("The error of a silent driver says where it writes, or asks whether it runs")
  func silenceInWords() {
    #expect(
      DriverError.silent(driver: "the driver of 'arm'", seconds: 60, log: "logs/arm.log")
        .description
        == "no answer from the driver of 'arm' within 60 s; it was started, and what it writes is in "
        + "logs/arm.log")
    #expect(
      DriverError.silent(driver: "the driver", seconds: 0.5, log: nil).description
        == "no answer from the driver within 0.5 s; is it running, and does it listen there?")
  }

  @Test("The driver's own words reach the caller, and the episode is over")
  func refusal() async throws {
    try await withDriver(FakeDriver()) { client in
      let one = try await DriverRobot.connect(client: client)
      let other = try await DriverRobot.connect(client: client)
      _ = try await one.begin(task: "reach", seed: 1, supervision: .none)
      _ = try await other.begin(task: "reach", seed: 1, supervision: .none)
      let error = await #expect(throws: RequestError.self) {
        try await one.execute(chunk(0), steps: 1)
      }
      #expect(error?.description.contains("another episode runs") == true)
      await #expect(throws: DriverError.self) { try await one.execute(chunk(0), steps: 1) }
      _ = try await other.execute(chunk(0), steps: 1)
    }
  }
}
