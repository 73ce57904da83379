import Executors
import Policies

/// Who is asked for chunks of actions.
public protocol ChunkSource: Sendable {
  /// - Throws: `PolicyError` for what it cannot be asked.
  func answer(to request: PolicyRequest) async throws -> PolicyAnswer
}

/// A policy on a thread of its own, so that robots can be controlled while it computes.
public actor ActingPolicy: ChunkSource {
  private let policy: Policy
  private let executor: ThreadExecutor

  /// - Throws: As `Policy`.
  public init(checkpoint: CheckpointFiles) throws {
    policy = try Policy(checkpoint: checkpoint)
    executor = ThreadExecutor(name: "policy")
  }

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  public func answer(to request: PolicyRequest) throws -> PolicyAnswer {
    try policy.answers(to: [request])[0]
  }
}
