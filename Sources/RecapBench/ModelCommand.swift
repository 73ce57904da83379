import ArgumentParser

/// The reference models.
struct ModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "Times training and sampling of the reference models.",
    discussion: """
      Prints for each the time of a step or a call, samples and nominal operations a second, and \
      their share of what large matrix products reach in the same run. Sampling with guidance \
      (--beta 2) is called 'cfg'.

        recap-bench model --check
        recap-bench model --mode train --model vla-tiny --batch 32 --batch 128 --json
      """)

  enum Mode: String, ExpressibleByArgument, CaseIterable { case train, sample }

  @Option(help: "Model, repeatable: vla-tiny, vla-small, value-tiny, value-small. Default: all.")
  var model: [String] = []

  @Option(help: "Samples in a batch, repeatable. Default: 32 for training, 1 and 8 for sampling.")
  var batch: [Int] = []

  @Option(help: "Threads.")
  var threads = 2

  @Option(help: "What to time; default: both.")
  var mode: Mode?

  @Option(help: "Guidance of sampling, 1 or 2, repeatable. Default: both.")
  var beta: [Int] = []

  @Option(help: "Samples that a thread works on at once; default: chosen by the model's size.")
  var slice: Int?

  @Option(help: "Seconds for each measurement.")
  var seconds = 2.0

  @Option(help: "Repetitions of the whole list, one after the other.")
  var rounds = 1

  @Flag(
    help: ArgumentHelp(
      "Compare losses of five steps and sampled actions with reference values, to a relative "
        + "\(Checks.tolerance), instead of timing: vla-tiny and value-tiny have some."))
  var check = false

  @Flag(help: "One JSON object a line.")
  var json = false

  func validate() throws {
    let known = ReferenceModel.all.map(\.name)
    for name in model where !known.contains(name) {
      throw ValidationError("there is no model '\(name)'; known: \(known.joined(separator: ", "))")
    }
    guard threads > 0, rounds > 0, batch.allSatisfy({ $0 > 0 }), (slice ?? 1) > 0 else {
      throw ValidationError("threads, rounds, batch and slice must be above 0")
    }
    guard beta.allSatisfy({ $0 == 1 || $0 == 2 }) else {
      throw ValidationError("beta is 1 or 2")
    }
    if check, let name = model.first(where: { !Checks.models.contains($0) }) {
      throw ValidationError(
        "there are no reference values for \(name); --check knows "
          + Checks.models.joined(separator: ", "))
    }
    if check, json || mode != nil || !batch.isEmpty || !beta.isEmpty {
      throw ValidationError("--check goes with --model, --threads and --slice alone")
    }
  }

  func run() throws {
    let models = ReferenceModel.all.filter { model.isEmpty || model.contains($0.name) }
    if check {
      let failures = models.filter { Checks.models.contains($0.name) }.flatMap {
        Checks.failures($0, threads: threads, sliceSize: slice)
      }
      for failure in failures { print("FAILED \(failure)") }
      if !failures.isEmpty { throw ExitCode.failure }
      return
    }
    let peak = ProductPeak(threads: threads)
    for _ in 0..<rounds {
      for model in models {
        if mode != .sample { try train(model, peak) }
        if mode != .train { try sample(model, peak) }
      }
    }
  }

  private func train(_ model: ReferenceModel, _ peak: ProductPeak) throws {
    for samples in batch.isEmpty ? [32] : batch {
      let training = ReferenceTraining(
        model, samples: samples, threads: threads, sliceSize: slice)
      let before = peak.measure()
      let timing = Timing(seconds: seconds) { _ = training.step() }
      try MeasurementLine(
        name: "train \(model.name) \(samples)", seconds: timing.median, samples: samples,
        operations: NominalWork(training: model, samples: samples).operations,
        peak: max(before, peak.measure())
      ).print(asJSON: json)
    }
  }

  private func sample(_ model: ReferenceModel, _ peak: ProductPeak) throws {
    for samples in batch.isEmpty ? [1, 8] : batch {
      for beta in beta.isEmpty ? (model.isPolicy ? [1, 2] : [1]) : beta
      where beta == 1 || model.isPolicy {
        let sampling = ReferenceSampling(
          model, samples: samples, threads: threads, isGuided: beta == 2)
        let before = peak.measure()
        let timing = Timing(seconds: seconds) { _ = sampling.run() }
        try MeasurementLine(
          name: "sample \(model.name) \(samples)" + (beta == 2 ? " cfg" : ""),
          seconds: timing.median, samples: samples,
          operations: NominalWork(
            sampling: model, samples: samples, guided: beta == 2,
            eulerSteps: ReferenceSampling.eulerSteps
          ).operations,
          peak: max(before, peak.measure())
        ).print(asJSON: json)
      }
    }
  }
}
