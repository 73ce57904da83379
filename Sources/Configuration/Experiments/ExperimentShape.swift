// The shape of an experiment's file: what is not listed here is not valid.

extension Experiment {
  static let shape = Shape.mapping([
    "experiment": Shape.Field(shape: .text(.name), required: true),
    "title": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "description": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "base": Shape.Field(shape: .text(.any), required: true),
    "set": Shape.Field(shape: .settings, mayBeNothing: true),
    "arms": Shape.Field(shape: .list(of: .mapping(armFields), atLeast: 1), required: true),
    "figures": Shape.Field(
      shape: .list(of: .mapping(figureFields), atLeast: 0), mayBeNothing: true),
  ])

  private static let armFields: [String: Shape.Field] = [
    "name": Shape.Field(shape: .text(.name), required: true),
    "title": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "set": Shape.Field(shape: .settings, mayBeNothing: true),
  ]

  private static let figureFields: [String: Shape.Field] = [
    "title": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "metric": Shape.Field(shape: .choice(Metric.allCases.map(\.rawValue)), required: true),
    "over": Shape.Field(shape: .choice(Abscissa.allCases.map(\.rawValue)), required: true),
    "iteration": Shape.Field(shape: .integerOr(lastIteration, .atLeast(0)), mayBeNothing: true),
    "task": Shape.Field(shape: .text(.name), mayBeNothing: true),
  ]

  private static let lastIteration = "last"
}
