import Episodes
import RecapAlgorithm
import Tensors
import Testing

@testable import Policies

/// Small trainings with an outcome that only a working model reaches.
@Suite struct LearningTests {
  /// Each episode goes right (+1) or left (−1) in its first action feature, whatever it observes;
  /// going right is labelled positive. The subtask is the sign of the first environment feature.
  static func twoWays() throws -> TrainingExamples {
    var random = RandomSource(seed: 7)
    var episodes: [Episode] = []
    var labels: [EpisodeLabels?] = []
    for number in 0..<40 {
      let way: Float = number.isMultiple(of: 2) ? 1 : -1
      let episode = try Toy.episode("e\(number)", steps: 6) { step in
        let observation = Toy.observation(UInt64(number * 10 + step))
        let subtask = observation.environmentState[0] > 0 ? 1 : 0
        return (observation, [way + 0.05 * random.normal(), 0.05 * random.normal()], subtask)
      }
      episodes.append(episode)
      let none = [Float](repeating: 0, count: 6)
      labels.append(
        EpisodeLabels(
          values: none, advantages: none, positives: Array(repeating: way > 0, count: 6)))
    }
    return try TrainingExamples(episodes: episodes, labels: labels)
  }

  static func train(seed: UInt64, steps: Int) throws -> (Policy, [[String: Double]]) {
    let policy = try Toy.policy(seed: seed)
    let trainer = try PolicyTrainer(
      policy: policy, examples: twoWays(), settings: Toy.training(steps: steps, rate: 1e-2),
      indicatorDropout: 0.3, seed: seed)
    let metrics = try (0..<steps).map { _ in try trainer.step() }
    trainer.finish()
    return (policy, metrics)
  }

  @Test func theIndicatorChoosesTheWay() throws {
    let (policy, metrics) = try Self.train(seed: 1, steps: 350)
    func ways(_ indicator: AdvantageIndicator, guidance: Float = 1) throws -> [Float] {
      let requests = (1000..<1040).map {
        Toy.request(UInt64($0), indicator: indicator, guidance: guidance)
      }
      return try policy.chunks(for: requests).map { $0.values[0] }
    }
    // Of 40 each; five Euler steps may leave a rare sample between the two.
    #expect(try ways(.positive).count { $0 > 0 } >= 37)
    #expect(try ways(.negative).count { $0 < 0 } >= 37)
    #expect(try ways(.positive, guidance: 2).count { $0 > 0 } >= 39)
    // Without the indicator both ways are possible.
    let rights = try ways(.absent).count { $0 > 0 }
    #expect((8...32).contains(rights))
    let names = [
      "action loss", "flow loss", "gradient norm", "learning rate", "loss", "subtask loss",
    ]
    #expect(metrics[0].keys.sorted() == names)
    #expect(metrics.allSatisfy { $0.values.allSatisfy(\.isFinite) })

    let requests = (2000..<2100).map { Toy.request(UInt64($0)) }
    let right = try zip(requests, policy.subtasks(for: requests)).count { request, subtask in
      let isSecond = request.observation.environmentState[0] > 0
      return subtask == Toy.pour.subtasks[isSecond ? 1 : 0]
    }
    #expect(right >= 90)
    #expect(try policy.subtasks(for: [Toy.request(1, task: Toy.wipe)]) == [nil])
  }

  @Test func trainingIsDeterministicForASeed() throws {
    let first = try Self.train(seed: 3, steps: 4)
    let second = try Self.train(seed: 3, steps: 4)
    #expect(first.1 == second.1)
    #expect(try first.0.checkpoint() == second.0.checkpoint())
    #expect(try Self.train(seed: 4, steps: 4).0.checkpoint() != first.0.checkpoint())
  }

  /// What is measured is new to the policy, and measuring changes nothing.
  @Test func heldOutExamplesAreMeasuredOnAndNotTrainedOn() throws {
    let all = try Self.twoWays()
    func half(_ places: Range<Int>) throws -> TrainingExamples {
      let positives = places.map { $0.isMultiple(of: 2) }
      let none = [Float](repeating: 0, count: 6)
      return try TrainingExamples(
        episodes: Array(all.episodes[places]),
        labels: positives.map {
          EpisodeLabels(
            values: none, advantages: none, positives: Array(repeating: $0, count: 6))
        })
    }
    func trainer(_ heldOut: TrainingExamples?) throws -> PolicyTrainer {
      try PolicyTrainer(
        policy: try Toy.policy(), examples: half(0..<20), heldOut: heldOut,
        settings: Toy.training(steps: 80, rate: 1e-2), indicatorDropout: 0.3, seed: 1)
    }
    let (measured, plain) = (try trainer(half(20..<40)), try trainer(nil))
    #expect(try plain.validationMetrics().isEmpty)
    let before = try measured.validationMetrics()
    #expect(
      before.keys.sorted() == [
        "validation action loss", "validation flow loss", "validation loss",
      ])
    #expect(try measured.validationMetrics() == before)
    for _ in 0..<80 { #expect(try measured.step() == plain.step()) }
    let after = try measured.validationMetrics()
    #expect(after["validation loss"]! < 0.7 * before["validation loss"]!)
  }

  @Test func noiseOnTheStateIsEachSamplesOwnAndRepeatable() throws {
    func batch(_ count: Int) -> ObservationBatch {
      ObservationBatch(
        count: count, proprioception: [Float](repeating: 0, count: count * 2),
        environmentState: [Float](repeating: 1, count: count * 3))
    }
    var random = RandomSource(seed: 1)
    let untouched = random
    #expect(StateNoise(deviation: 0, using: &random) == nil && random == untouched)
    let noise = try #require(StateNoise(deviation: 0.5, using: &random))
    var whole = batch(4000)
    whole.add(noise, first: 0)
    var slice = batch(10)
    slice.add(noise, first: 50)
    #expect(slice.proprioception[...] == whole.proprioception[100..<120])
    #expect(slice.environmentState[...] == whole.environmentState[150..<180])
    let mean = whole.environmentState.reduce(0, +) / 12000
    let variance = whole.environmentState.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 12000
    #expect(abs(mean - 1) < 0.02 && abs(variance - 0.25) < 0.02)
  }

  @Test func finishingPutsTheAveragedWeightsIn() throws {
    func heads(averageDecay: Float) throws -> (trained: [Float], finished: [Float]) {
      let policy = try Toy.policy()
      var settings = Toy.training(steps: 4)
      settings.averageDecay = averageDecay
      let trainer = try PolicyTrainer(
        policy: policy, examples: Self.twoWays(), settings: settings, indicatorDropout: 0.3,
        seed: 1)
      for _ in 0..<4 { _ = try trainer.step() }
      let head = try #require(policy.store.parameter(named: "fast_head.weight"))
      let trained = policy.store.values(of: head)
      trainer.finish()
      return (trained, policy.store.values(of: head))
    }
    let averaged = try heads(averageDecay: 0.9)
    #expect(averaged.trained != averaged.finished)
    let plain = try heads(averageDecay: 0)
    #expect(plain.trained == plain.finished)
    #expect(plain.trained == averaged.trained)
  }

  @Test func memoryStopsGrowingAfterTheFirstSteps() throws {
    let policy = try Toy.policy()
    let trainer = try PolicyTrainer(
      policy: policy, examples: Self.twoWays(), settings: Toy.training(steps: 9),
      indicatorDropout: 0.3, seed: 1)
    for _ in 0..<3 { _ = try trainer.step() }
    let bytes = trainer.pooledBytes
    for _ in 0..<6 { _ = try trainer.step() }
    #expect(trainer.pooledBytes == bytes)
  }

  /// Weights, moments, average and random numbers: a training that was interrupted gives the same
  /// weights, bit for bit, as one that was not.
  @Test func anInterruptedTrainingGoesOnExactly() throws {
    func trainer(seed: UInt64) throws -> (Policy, PolicyTrainer) {
      let policy = try Toy.policy(seed: seed)
      let trainer = try PolicyTrainer(
        policy: policy, examples: Self.twoWays(), settings: Toy.training(steps: 8),
        indicatorDropout: 0.3, seed: seed)
      return (policy, trainer)
    }
    let (whole, undisturbed) = try trainer(seed: 1)
    for _ in 0..<3 { _ = try undisturbed.step() }
    let state = try undisturbed.state()
    for _ in 3..<8 { _ = try undisturbed.step() }
    undisturbed.finish()

    // Everything comes from the state: this one began from other weights and random numbers.
    let (resumed, continued) = try trainer(seed: 2)
    _ = try continued.step()
    try continued.restore(state)
    #expect(continued.stepsDone == 3)
    #expect(try continued.state() == state)
    for _ in 3..<8 { _ = try continued.step() }
    continued.finish()
    #expect(try resumed.checkpoint() == whole.checkpoint())

    // What does not fit changes nothing.
    let (_, fresh) = try trainer(seed: 2)
    let before = try fresh.state()
    #expect(throws: SafetensorsError.self) {
      try fresh.restore(Array(state[..<(state.count / 2)]))
    }
    var lacking = try SafetensorsFile(parsing: state)
    lacking.metadata["training"] = nil
    #expect(throws: PolicyError.self) { try fresh.restore(lacking.serialized()) }
    var misshapen = try SafetensorsFile(parsing: state)
    misshapen.add("average.expert.action_out.bias", shape: [3], floats: [0, 0, 0])
    #expect(throws: SafetensorsError.self) { try fresh.restore(misshapen.serialized()) }
    #expect(try fresh.state() == before)
  }

  @Test func divergenceIsReported() throws {
    let policy = try Toy.policy()
    let head = try #require(policy.store.parameter(named: "fast_head.weight"))
    policy.store.setValues(of: head, to: policy.store.values(of: head).map { _ in .infinity })
    let trainer = try PolicyTrainer(
      policy: policy, examples: Self.twoWays(), settings: Toy.training(steps: 9),
      indicatorDropout: 0.3, seed: 1)
    #expect(throws: PolicyError.diverged(step: 0)) { try trainer.step() }
  }

  @Test func fineTuningContinuesFromACheckpointAndKeepsItsStatistics() throws {
    let (policy, metrics) = try Self.train(seed: 1, steps: 60)
    let restored = try Policy(checkpoint: policy.checkpoint())
    let trainer = try PolicyTrainer(
      policy: restored, examples: Self.twoWays(), settings: Toy.training(steps: 1),
      indicatorDropout: 0.3, seed: 9)
    let loss = try #require(try trainer.step()["loss"])
    #expect(loss < 0.7 * (try #require(metrics[0]["loss"])))
    #expect(restored.normalization == policy.normalization)
  }

  /// A bright square on the left or on the right decides the action; nothing else tells.
  @Test func learnsFromPixels() throws {
    func observation(_ number: Int) -> Observation {
      var random = RandomSource(seed: UInt64(number))
      var image = (0..<Toy.camera.byteCount).map { _ in UInt8(random.integer(below: 60)) }
      let left = number.isMultiple(of: 2) ? 1 : 5
      let top = random.integer(below: 6)
      for row in top..<top + 2 {
        for byte in (row * 8 + left) * 3..<(row * 8 + left + 2) * 3 { image[byte] = 240 }
      }
      return Observation(proprioception: [0, 0], environmentState: [0, 0, 0], images: [image])
    }
    let episodes = try (0..<400).map { number in
      try Toy.episode("p\(number)", embodiment: Toy.seeing, steps: 1) { _ in
        (observation(number), [number.isMultiple(of: 2) ? 1 : -1, 0], nil)
      }
    }
    let policy = try Policy(
      settings: Toy.policySettings {
        $0.usesImages = true
        $0.usesEnvironmentState = false
        $0.patchSize = 4
      }, learningFrom: episodes, seed: 1)
    let trainer = try PolicyTrainer(
      policy: policy,
      examples: TrainingExamples(episodes: episodes, labels: episodes.map { _ in nil }),
      settings: Toy.training(steps: 300, rate: 1e-2), indicatorDropout: 0.3, seed: 1)
    for _ in 0..<300 { _ = try trainer.step() }
    trainer.finish()
    let unseen = 1000..<1040
    let chunks = try policy.chunks(
      for: unseen.map {
        PolicyRequest(observation: observation($0), task: Toy.pour, seed: UInt64($0))
      })
    let right = zip(unseen, chunks).count { number, chunk in
      (chunk.values[0] > 0) == number.isMultiple(of: 2)
    }
    #expect(right >= 37)
  }
}
