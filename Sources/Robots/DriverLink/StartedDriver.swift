import Episodes
import Messaging

/// A robot whose driver is started here, and started anew when it has died, so that a crash costs one attempt and not
/// the run.
///
/// A driver is started anew when the next episode begins: whoever asks for that decides when, and how often in vain.
public actor StartedDriver: Robot {
  public nonisolated let embodiment: Embodiment
  public nonisolated let tasks: [TaskDescription]
  public nonisolated let holds: Bool
  private let start: @Sendable () async throws -> Life
  private let notify: @Sendable (String) -> Void
  /// The driver's present life, or its last; nil when it could not be started again.
  private var life: Life?

  /// A driver from its start to its end.
  public struct Life: Sendable {
    let robot: DriverRobot
    let process: DriverProcess
    let client: any RequestClient

    /// Starts a driver and reaches it; one that cannot be reached is stopped.
    ///
    /// - Parameters:
    ///   - process: The driver's process.
    ///   - client: Makes a connection to its endpoint.
    ///   - driver: What messages call it.
    ///   - notify: Told in words when the first answer takes long.
    public init(
      process: DriverProcess, client makeClient: () throws -> any RequestClient,
      called driver: String, notify: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws {
      var client: (any RequestClient)?
      do {
        let connection = try makeClient()
        client = connection
        robot = try await DriverRobot.connect(
          client: connection, process: process, called: driver, notify: notify)
        self.client = connection
        self.process = process
      } catch {
        await client?.close()
        await process.stop()
        throw error
      }
    }

    /// Stops the driver. Its connection goes with it: the next driver must not hear what this one was asked.
    func end() async {
      await client.close()
      await process.stop()
    }
  }

  /// Starts the driver for the first time.
  ///
  /// - Parameters:
  ///   - start: Starts it, now and whenever it has died.
  ///   - notify: Told in words when it is started anew.
  /// - Throws: What `start` throws.
  public init(
    notify: @escaping @Sendable (String) -> Void = { _ in },
    start: @escaping @Sendable () async throws -> Life
  ) async throws {
    let life = try await start()
    embodiment = life.robot.embodiment
    tasks = life.robot.tasks
    holds = life.robot.holds
    self.life = life
    self.start = start
    self.notify = notify
  }

  /// Resets the scene and starts an episode, with a new driver where the last one has died.
  ///
  /// - Throws: As `DriverRobot`; `DriverError.invalidDescription` when the driver comes back as another robot.
  public func begin(
    task: String, seed: UInt64, supervision: Supervision
  ) async throws -> RobotTurn {
    try await living().begin(task: task, seed: seed, supervision: supervision)
  }

  public func execute(_ chunk: ActionChunk?, steps: Int) async throws -> RobotTurn {
    guard let life else {
      throw DriverError.invalidRequest("no episode is running: begin one")
    }
    return try await life.robot.execute(chunk, steps: steps)
  }

  public func hold() async throws -> RobotTurn {
    guard let life else {
      throw DriverError.invalidRequest("no episode is running: begin one")
    }
    return try await life.robot.hold()
  }

  /// Stops the driver.
  public func stop() async { await life?.end() }

  private func living() async throws -> DriverRobot {
    if let life {
      guard let death = await life.process.death else { return life.robot }
      notify("\(death); starting it anew")
      await life.end()
      self.life = nil
    }
    let next = try await start()
    guard next.robot.embodiment == embodiment, next.robot.tasks == tasks else {
      await next.end()
      throw DriverError.invalidDescription("it was started anew and is not the robot it was before")
    }
    life = next
    return next.robot
  }
}
