// The shape of a whole configuration file, and every range: what is not listed here is not valid.

import Policies

extension RunConfiguration {
  static let shape = Shape.mapping([
    "name": Shape.Field(shape: .text(.name), required: true),
    "seed": Shape.Field(shape: .integer(.atLeast(0))),
    "taskDefaults": Shape.Field(shape: .mapping(taskFields)),
    "tasks": Shape.Field(
      shape: .list(of: .mapping(taskFields.merging(named) { $1 }), atLeast: 1), required: true),
    "schedule": Shape.Field(
      shape: .reflecting(
        defaults.schedule,
        ranges: [
          "iterations": .atLeast(0), "episodesPerJob": .atLeast(1),
          "episodesPerLabelJob": .atLeast(1),
        ])),
    "method": Shape.Field(shape: .reflecting(defaults.method, ranges: methodRanges)),
    "models": Shape.Field(shape: runModelShape),
    "training": Shape.Field(shape: .reflecting(defaults.training, ranges: trainingRanges)),
    "robots": Shape.Field(
      shape: .list(of: .mapping(robotFields), atLeast: 1), required: true),
    "runtime": Shape.Field(shape: .mapping(runtimeFields)),
    "monitoring": Shape.Field(
      shape: .reflecting(defaults.monitoring, ranges: monitoringRanges)),
  ])

  private static let modelShape = Shape.reflecting(
    defaults.models, ranges: modelRanges,
    optionals: ["vision": VisionSettings.defaults, "coTraining": CoTrainingSettings.defaults])

  /// The models of a run, which may come from a file.
  private static var runModelShape: Shape {
    guard case .mapping(var fields) = modelShape else { return modelShape }
    fields["from"] = Shape.Field(shape: .text(.any), mayBeNothing: true)
    return .mapping(fields)
  }

  /// A file of models: see `ModelFile`.
  static var modelFileShape: Shape {
    guard case .mapping(var fields) = modelShape else { return modelShape }
    fields["reference"] = Shape.Field(
      shape: .reflecting(ReferenceRobot(), ranges: referenceRanges))
    return .mapping(fields)
  }

  private static let referenceRanges: [String: Shape.Range] = [
    "cameras": .from(0, to: 4), "pixels": .from(8, to: 4096), "proprioception": .from(1, to: 4096),
    "environmentState": .from(0, to: 4096), "action": .from(1, to: 4096),
    "textVocabulary": .from(258, to: 1_000_000), "actionVocabulary": .from(8, to: 65536),
    "taskTokens": .from(1, to: 4096), "subtaskTokens": .from(0, to: 4096),
    "indicatorTokens": .from(1, to: 64),
  ]

  private static let named = ["name": Shape.Field(shape: .text(.name), required: true)]

  private static let taskFields: [String: Shape.Field] = [
    "demonstrations": Shape.Field(shape: .integer(.atLeast(1))),
    "autonomousEpisodes": Shape.Field(shape: .integer(.atLeast(0))),
    "correctedEpisodes": Shape.Field(shape: .integer(.atLeast(0))),
    "evaluationEpisodes": Shape.Field(shape: .integer(.atLeast(1))),
    "positiveShare": Shape.Field(shape: .number(.between(0, 1)), mayBeNothing: true),
    "specialize": Shape.Field(shape: .boolean),
    "criteria": Shape.Field(
      shape: .list(
        of: .mapping([
          "name": Shape.Field(shape: .text(.any), required: true),
          "description": Shape.Field(shape: .text(.any), mayBeNothing: true),
        ]), atLeast: 0)),
  ]

  private static let methodRanges: [String: Shape.Range] = [
    "failureCost": .above(0),
    "pretrainPositiveShare": .between(0, 1),
    "positiveShare": .between(0, 1),
    "lookahead": .atLeast(1),
    "indicatorDropout": .from(0, below: 1),
    "guidance": .from(0, to: 10),
    "executedActions": .from(1, to: 256),
    "subtaskSteps": .atLeast(1),
    "advantageTemperature": .above(0, to: 1000),
    "advantageWeightLimit": .above(0, to: 1_000_000),
    "trustRegion": .above(0, to: 1000),
  ]

  private static let modelRanges: [String: Shape.Range] = [
    "width": .from(4, to: 8192),
    "layers": .from(1, to: 64),
    "heads": .from(1, to: 128),
    "keyValueHeads": .from(1, to: 128),
    "headWidth": .from(2, to: 512),
    "feedForward": .from(4, to: 32768),
    "expertWidth": .from(4, to: 8192),
    "expertFeedForward": .from(4, to: 32768),
    "chunkLength": .from(1, to: 256),
    "eulerSteps": .from(1, to: 100),
    "patchSize": .from(1, to: 64),
    "scale": .above(0, to: 1000),
    "vocabularyLimit": .from(8, to: 65536),
    "slots": .from(2, to: 4096),
    "inputDropout": .from(0, to: 1),
    "merge": .from(1, to: 16),
    "flowLossWeight": .above(0),
    "noiseEmphasis": .from(1, to: 10),
    "bins": .from(2, to: 10001),
    "share": .above(0, to: 1),
    "weight": .above(0, to: 100),
    "captionTokens": .from(2, to: 512),
  ]

  private static let trainingRanges: [String: Shape.Range] = [
    // 0 is for policySFT alone, as the schedule says.
    "steps": .from(0, to: 100_000_000),
    "batchSize": .from(1, to: 65536),
    "learningRate": .above(0, to: 1),
    "finalLearningRateShare": .from(0, to: 1),
    "warmupSteps": .atLeast(0),
    "weightDecay": .from(0, to: 1),
    "gradientClip": .above(0),
    "averageDecay": .from(0, below: 1),
    "stateNoise": .from(0, to: 10),
    "heldOutShare": .from(0, to: 0.5),
  ]

  private static let monitoringRanges: [String: Shape.Range] = [
    "robotSilentSeconds": .above(0), "interventionRise": .above(0, to: 1),
    "lossRise": .above(1), "learnerIdleSeconds": .above(0), "freeDiskShare": .from(0, below: 1),
    "clockSkewSeconds": .above(0),
  ]

  private static let robotFields: [String: Shape.Field] = [
    "name": Shape.Field(shape: .text(.name), required: true),
    "kind": Shape.Field(shape: .choice(RobotKind.allCases.map(\.rawValue)), required: true),
    "count": Shape.Field(shape: .integer(.from(1, to: 10_000))),
    "tasks": Shape.Field(shape: .list(of: .text(.name), atLeast: 1), mayBeNothing: true),
    "observation": Shape.Field(
      shape: .mapping([
        "cameras": Shape.Field(shape: .cameraSize(.from(8, to: 512))),
        "environmentState": Shape.Field(shape: .boolean),
      ])),
    "driver": Shape.Field(
      shape: .mapping([
        "endpoint": Shape.Field(shape: .text(.endpoint(.connecting)), mayBeNothing: true),
        "command": Shape.Field(shape: .list(of: .text(.any), atLeast: 1), mayBeNothing: true),
      ]), mayBeNothing: true),
    "control": Shape.Field(
      shape: .mapping([
        "inference": Shape.Field(
          shape: .choice(InferenceMode.allCases.map(\.rawValue)), mayBeNothing: true),
        "crossfadeSteps": Shape.Field(shape: .integer(.from(0, to: 256)), mayBeNothing: true),
        "watchdogSeconds": Shape.Field(shape: .number(.from(0, to: 60)), mayBeNothing: true),
        "actionMinimum": numbers(.from(-1e6, to: 1e6)),
        "actionMaximum": numbers(.from(-1e6, to: 1e6)),
        "actionMaximumChange": numbers(.above(0)),
      ]), mayBeNothing: true),
  ]

  /// One for each number of an action.
  private static func numbers(_ range: Shape.Range) -> Shape.Field {
    Shape.Field(shape: .list(of: .number(range), atLeast: 1), mayBeNothing: true)
  }

  private static let runtimeFields: [String: Shape.Field] = [
    "heartbeatSeconds": Shape.Field(shape: .number(.above(0))),
    "leaseSeconds": Shape.Field(shape: .number(.above(0))),
    "maximumAttempts": Shape.Field(shape: .integer(.atLeast(1))),
    "labellers": Shape.Field(shape: .integer(.from(1, to: 256))),
    "policyLearners": Shape.Field(shape: .integer(.from(1, to: 256))),
    "learnerThreads": Shape.Field(shape: .integer(.from(1, to: 256))),
    "listen": Shape.Field(shape: .list(of: .text(.endpoint(.listening)), atLeast: 0)),
  ]
}
