import Episodes
import RecapAlgorithm
import Tensors
import Testing

@testable import Policies

@Suite struct CoTrainingTests {
  private static func settings(
    _ change: (inout ValueSettings) -> Void = { _ in }
  ) -> ValueSettings {
    var settings = ValueSettings(
      network: Toy.transformer, bins: 21, usesImages: true, usesEnvironmentState: true,
      patchSize: 4,
      coTraining: CoTrainingSettings(folder: "/pairs", share: 0.5, weight: 1, captionTokens: 8))
    change(&settings)
    return settings
  }

  /// Noise around a grey, whose caption says whether it is bright or dark.
  private static func pairs(_ count: Int, seed: UInt64) -> ImageTextPairs {
    var random = RandomSource(seed: seed, stream: "pairs")
    return ImageTextPairs(
      width: 8, height: 8,
      pairs: (0..<count).map { index in
        let isBright = index.isMultiple(of: 2)
        let image = (0..<192).map { _ in
          UInt8((isBright ? 150 : 20) + random.integer(below: 80))
        }
        return (image, isBright ? "a bright picture" : "it is dark")
      })
  }

  private static func episodes(_ count: Int) throws -> [Episode] {
    try (0..<count).map { number in
      try Toy.noiseEpisode(UInt64(number), embodiment: Toy.seeing, steps: 8)
    }
  }

  private static func value(
    _ settings: ValueSettings = settings(), seed: UInt64 = 1
  ) throws -> ValueFunction {
    try ValueFunction(
      settings: settings, learningFrom: episodes(4), captions: pairs(2, seed: 1).captions,
      seed: seed)
  }

  private static func trainer(
    _ value: ValueFunction, steps: Int, batchSize: Int = 16, threads: Int = 1
  ) throws -> ValueTrainer {
    try ValueTrainer(
      value: value, episodes: episodes(4), pairs: pairs(24, seed: 1),
      settings: Toy.training(steps: steps, batchSize: batchSize, rate: 1e-2), failureCost: nil,
      threads: threads, seed: 1)
  }

  @Test(arguments: [false, true])
  func captionsAreLearnt(withVision: Bool) throws {
    let value = try Self.value(
      Self.settings {
        if withVision { $0.vision = VisionSettings(network: Toy.transformer, merge: 2) }
      })
    let trainer = try Self.trainer(value, steps: 80)
    var last: [String: Double] = [:]
    var first: [String: Double] = [:]
    for step in 0..<80 {
      last = try trainer.step()
      if step == 0 { first = last }
    }
    trainer.finish()
    #expect(first["caption loss", default: 0] > 4)
    #expect(last["caption loss", default: 9] < 0.4)
    let loss = try #require(last["loss"])
    let parts = try [#require(last["value loss"]), #require(last["caption loss"])]
    #expect(abs(loss - parts[0] - parts[1]) < 1e-4)
    // Of pictures that it has not seen it says the same.
    let captions = try CaptionInputs(
      Self.pairs(16, seed: 9), value.inputs, #require(value.settings.coTraining))
    value.tape.reset(recording: false)
    let unseen = value.network.captionLoss(value.tape, captions.batch(of: Array(0..<16)))
    #expect(value.tape.scalar(unseen) < 0.4)
  }

  @Test func trainingIsRepeatable() throws {
    func run() throws -> [[String: Double]] {
      let trainer = try Self.trainer(Self.value(), steps: 5)
      return try (0..<5).map { _ in try trainer.step() }
    }
    let metrics = try run()
    #expect(try run() == metrics)
    #expect(Set(metrics.map { $0["caption loss"] }).count == 5)
  }

  /// Slices of a batch, some of them without pairs, give the whole batch's losses.
  @Test func threadsShareThePairs() throws {
    let settings = Self.settings { $0.coTraining?.share = 0.2 }
    var metrics: [[String: Double]] = []
    for threads in [1, 2, 5] {
      let trainer = try Self.trainer(Self.value(settings), steps: 3, threads: threads)
      for _ in 0..<2 { _ = try trainer.step() }
      metrics.append(try trainer.step())
    }
    for key in ["loss", "value loss", "caption loss", "gradient norm"] {
      let expected = try #require(metrics[0][key])
      for other in metrics.dropFirst() {
        #expect(abs(try #require(other[key]) - expected) < 1e-3 * expected, "\(key)")
      }
    }
  }

  @Test func interruptedTrainingGoesOnExactly() throws {
    let whole = try Self.value()
    let uninterrupted = try Self.trainer(whole, steps: 6)
    for _ in 0..<6 { _ = try uninterrupted.step() }
    uninterrupted.finish()

    let begun = try Self.trainer(Self.value(), steps: 6)
    for _ in 0..<3 { _ = try begun.step() }
    let rest = try Self.value(seed: 2)
    let resumed = try Self.trainer(rest, steps: 6)
    try resumed.restore(begun.state())
    for _ in 0..<3 { _ = try resumed.step() }
    resumed.finish()
    #expect(try rest.checkpoint() == whole.checkpoint())
  }

  /// A fine-tuning starts from a checkpoint: its tokenizer and caption head go on.
  @Test func checkpointKeepsTokenizerAndHead() throws {
    let value = try Self.value()
    let trainer = try Self.trainer(value, steps: 3)
    for _ in 0..<3 { _ = try trainer.step() }
    trainer.finish()
    let restored = try ValueFunction(checkpoint: value.checkpoint())
    #expect(try restored.checkpoint() == value.checkpoint())
    #expect(restored.inputs.prompts.tokenizer.encode("a bright picture").count == 3)
    #expect(restored.store.names.contains("caption_head.weight"))
    let other = ImageTextPairs(
      width: 8, height: 8, pairs: [(Array(repeating: 0, count: 192), "unheard words")])
    let tuned = try ValueTrainer(
      value: restored, episodes: Self.episodes(4), pairs: other,
      settings: Toy.training(steps: 1, batchSize: 4), failureCost: nil, seed: 1)
    #expect(try tuned.step()["caption loss"] != nil)
  }

  /// Without co-training there is no head, and no pairs are taken; with it they are needed.
  @Test func pairsComeWithCoTrainingAlone() throws {
    let plain = try Self.value(Self.settings { $0.coTraining = nil })
    #expect(!plain.store.names.contains { $0.hasPrefix("caption") })
    #expect(throws: PolicyError.self) { try Self.trainer(plain, steps: 1) }
    #expect(throws: PolicyError.self) {
      try ValueTrainer(
        value: Self.value(), episodes: Self.episodes(1), settings: Toy.training(steps: 1),
        failureCost: nil, seed: 1)
    }
    let blind = Self.settings { $0.usesImages = false }
    #expect(throws: PolicyError.self) { try Self.value(blind) }
    #expect(try ImageTextPairs(for: plain.settings, embodiment: Toy.seeing) == nil)
    #expect(throws: PolicyError.self) {
      try ImageTextPairs(for: Self.settings(), embodiment: Toy.embodiment)
    }
  }

  @Test func theShareIsOfTheBatch() {
    let settings = CoTrainingSettings(folder: "", share: 0.1)
    #expect([1, 14, 15, 128].map { settings.pairs(besides: $0) } == [1, 1, 2, 13])
  }

  /// A description counts what the model has, and a share of a pair's arithmetic for each sample.
  @Test func theDescriptionCountsTheCaptionHead() throws {
    let robot = ReferenceRobot(
      cameras: 2, pixels: 8, proprioception: 2, environmentState: 3, action: 2, textVocabulary: 300)
    let plain = try ModelDescription(Self.settings { $0.coTraining = nil }, for: robot)
    let half = try ModelDescription(Self.settings(), for: robot)
    let whole = try ModelDescription(Self.settings { $0.coTraining?.share = 1 }, for: robot)
    #expect(half.parameters - plain.parameters == 16 * 300)
    #expect(half.operations.inference == plain.operations.inference)
    let more: Double = half.operations.training - plain.operations.training
    let twice: Double = whole.operations.training - plain.operations.training
    let headAlone: Double = 3 * 0.5 * 2 * 8 * 16 * 300
    #expect(more > headAlone)
    #expect(abs(twice - 2 * more) < 1)
  }
}
