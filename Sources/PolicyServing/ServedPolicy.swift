import Episodes
import Policies
import RecapAlgorithm

/// A policy that is ready to serve, and how it is asked.
public struct ServedPolicy: Sendable {
  /// What it is called in the metadata, such as "espresso/2/policy" or a folder's name.
  public var name: String
  public var embodiment: Embodiment
  /// Actions in a reply.
  public var chunkLength: Int
  /// Actions of a reply that the policy was practised with before it was asked again; nil for all.
  public var executedActions: Int?
  /// β.
  public var guidance: Float
  public var interpreter: ServingInterpreter
  public var service: PolicyService

  public init(
    name: String, embodiment: Embodiment, chunkLength: Int, executedActions: Int? = nil,
    guidance: Float, interpreter: ServingInterpreter, service: PolicyService
  ) {
    self.name = name
    self.embodiment = embodiment
    self.chunkLength = chunkLength
    self.executedActions = executedActions
    self.guidance = guidance
    self.interpreter = interpreter
    self.service = service
  }

  /// What a client hears first.
  func metadata(server: String) -> MessagePackValue {
    let observation = interpreter.mapping.columns.map { column in
      MessagePackValue.Entry(key: .string(column.name), value: .string(column.expected))
    }
    let tasks = interpreter.tasks.map { task in
      MessagePackValue.record(["name": .string(task.name), "prompt": .string(task.instruction)])
    }
    return .record([
      "server": .string(server),
      "policy": .string(name),
      "embodiment": .string(embodiment.name),
      "control_rate": .double(embodiment.controlRate),
      "action_horizon": .integer(Int64(chunkLength)),
      "action_dim": .integer(Int64(embodiment.actionWidth)),
      "executed_actions": .integer(Int64(executedActions ?? chunkLength)),
      "observation": .map(observation),
      "tasks": .array(tasks),
      "indicator": .string(interpreter.indicator.rawValue),
      "guidance": .double(Double(guidance)),
    ])
  }
}

/// A policy that is on its way: whoever asks before it is there waits.
public actor PolicyArrival {
  private var result: Result<ServedPolicy, any Error>?
  private var waiting: [Int: CheckedContinuation<ServedPolicy, any Error>] = [:]
  private var lastWaiter = 0

  public init() {}

  /// Whether it is there.
  var isReady: Bool { if case .success = result { true } else { false } }

  /// Hands the policy, or why there is none, to all who wait and will ask. Once.
  public func settle(_ result: Result<ServedPolicy, any Error>) {
    precondition(self.result == nil, "a policy arrives once")
    self.result = result
    for reply in waiting.values { reply.resume(with: result) }
    waiting = [:]
  }

  /// - Throws: Why there is none, and `CancellationError`.
  func policy() async throws -> ServedPolicy {
    if let result { return try result.get() }
    lastWaiter += 1
    let waiter = lastWaiter
    return try await withTaskCancellationHandler {
      try Task.checkCancellation()
      return try await withCheckedThrowingContinuation { waiting[waiter] = $0 }
    } onCancel: {
      Task { await stopWaiting(waiter) }
    }
  }

  private func stopWaiting(_ waiter: Int) {
    waiting.removeValue(forKey: waiter)?.resume(throwing: CancellationError())
  }
}
