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
    return .record([
      "server": .string(server),
      "policy": .string(name),
      "embodiment": .string(embodiment.name),
      "control_rate": .double(embodiment.controlRate),
      "action_horizon": .integer(Int64(chunkLength)),
      "action_dim": .integer(Int64(embodiment.actionWidth)),
      "executed_actions": .integer(Int64(executedActions ?? chunkLength)),
      "observation": interpreter.mapping.expected,
      "tasks": interpreter.knownTasks,
      "indicator": .string(interpreter.indicator.rawValue),
      "guidance": .double(Double(guidance)),
    ])
  }
}

extension ObservationMapping {
  /// For a client: the name of each column with what is expected under it.
  var expected: MessagePackValue {
    .map(columns.map { .init(key: .string($0.name), value: .string($0.expected)) })
  }
}

extension ServingInterpreter {
  /// For a client: the tasks with their prompts.
  var knownTasks: MessagePackValue {
    .array(
      tasks.map {
        .record([
          "name": .string($0.name), "prompt": .string($0.instruction),
          "maximum_steps": .integer(Int64($0.maximumSteps)),
        ])
      })
  }
}
