/// What the reference workloads must give, as JAX, PyTorch and MLX agree, within `tolerance`.
enum Checks {
  static let tolerance: Float = 1e-4

  /// Losses of five training steps at batch 8, as (cross-entropy, squared error) of a policy or the
  /// cross-entropy of a value network.
  static let losses: [String: [[Float]]] = [
    "vla-tiny": [
      [6.65010, 2.75001], [5.91333, 2.06777], [5.23403, 1.56615], [4.62505, 1.21436],
      [4.07884, 0.96773],
    ],
    "value-tiny": [[5.06794], [2.91604], [1.69849], [1.02090], [0.65465]],
  ]

  /// The first 8 numbers that vla-tiny samples at batch 2 with guidance.
  static let actions: [Float] = [
    -0.729885, 1.698528, -0.403441, -1.093599, 2.351645, -1.862505, 0.263571, -2.276646,
  ]

  /// The models that have reference values.
  static var models: [String] { ReferenceModel.all.map(\.name).filter { losses[$0] != nil } }

  /// A line for each check that fails, after printing what came.
  static func failures(_ model: ReferenceModel, threads: Int, sliceSize: Int?) -> [String] {
    var failures: [String] = []
    func compare(_ name: String, _ got: [Float], _ expected: [Float]) {
      print("\(model.name) \(name): \(got)")
      for (got, expected) in zip(got, expected)
      where !(abs(got - expected) <= tolerance * max(1, abs(expected))) {
        failures.append("\(model.name) \(name): expected \(expected), got \(got)")
      }
    }
    if let expected = losses[model.name] {
      let training = ReferenceTraining(model, samples: 8, threads: threads, sliceSize: sliceSize)
      for (step, losses) in expected.enumerated() {
        compare("step \(step + 1)", training.step(), losses)
      }
    }
    if model.name == "vla-tiny" {
      let sampling = ReferenceSampling(model, samples: 2, threads: threads, isGuided: true)
      compare("actions", Array(sampling.run()[..<actions.count]), actions)
    }
    if failures.isEmpty { print("\(model.name): ok, within \(tolerance) of the reference") }
    return failures
  }
}
