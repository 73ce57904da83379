import Episodes
import Tensors
import Testing

@testable import Policies

@Suite struct TrainingExamplesTests {
  @Test func framesBelongToTheirEpisodes() throws {
    let episodes = try [3, 1, 2].enumerated().map { index, steps in
      try Toy.noiseEpisode(UInt64(index), steps: steps)
    }
    let examples = try TrainingExamples(episodes: episodes, labels: [nil, nil, nil])
    #expect(examples.count == 6)
    #expect((0..<6).map { examples.episode(ofFrame: $0) } == [0, 0, 0, 1, 2, 2])
  }

  @Test func samplingIsUniformOverFrames() throws {
    let episodes = [try Toy.noiseEpisode(1, steps: 9), try Toy.noiseEpisode(2, steps: 1)]
    let examples = try TrainingExamples(episodes: episodes, labels: [nil, nil])
    var random = RandomSource(seed: 3)
    let frames = examples.sample(10_000, using: &random)
    // Binomial with p = 0.1: five standard deviations are 150.
    #expect((850...1150).contains(frames.count { $0 == 9 }))
  }

  @Test func labelsMustCoverTheirEpisode() throws {
    let episode = try Toy.noiseEpisode(1, steps: 3)
    let short = EpisodeLabels(values: [0, 0], advantages: [0, 0], positives: [true, true])
    #expect(throws: PolicyError.self) {
      try TrainingExamples(episodes: [episode], labels: [short])
    }
    #expect(throws: PolicyError.self) { try TrainingExamples(episodes: [episode], labels: []) }
    #expect(throws: PolicyError.self) { try TrainingExamples(episodes: [], labels: []) }
  }

  /// Near the end of an episode the chunk repeats the last action, and the flow loss ignores the
  /// repetition; the next episode's actions never leak in.
  @Test func chunksEndWithTheirEpisode() throws {
    let episodes = try (0..<2).map { number in
      try Toy.episode("e\(number)", steps: 3) { step in
        (Toy.observation(1), [Float(10 * number + step), 0], nil)
      }
    }
    let policy = try Toy.policy()
    let trainer = try PolicyTrainer(
      policy: policy, examples: TrainingExamples(episodes: episodes, labels: [nil, nil]),
      settings: Toy.training(steps: 1), indicatorDropout: 0, seed: 1)
    let targets = trainer.targets(of: [1])
    #expect(targets.weights == [1, 1, 1, 1, 0, 0, 0, 0])
    // noised = η a + (1 − η) ω and velocity = a − ω, so a = noised + (1 − η) velocity.
    let actions = zip(targets.noised, targets.velocities).map { $0 + (1 - targets.times[0]) * $1 }
    #expect(
      isClose(actions.enumerated().filter { $0.offset % 2 == 0 }.map(\.element), [1, 2, 2, 2]))
  }

  @Test func indicatorsFollowLabelsAndDropout() throws {
    let episode = try Toy.noiseEpisode(1, steps: 2)
    let labels = EpisodeLabels(values: [0, 0], advantages: [0, 0], positives: [true, false])
    let policy = try Toy.policy()
    let prompts = policy.inputs.prompts
    func indicators(dropout: Double, labels: EpisodeLabels?) throws -> [Int32] {
      try PolicyTrainer(
        policy: policy, examples: TrainingExamples(episodes: [episode], labels: [labels]),
        settings: Toy.training(steps: 1), indicatorDropout: dropout, seed: 1
      ).targets(of: [0, 1]).indicatorTokens
    }
    let positive = prompts.indicator(.positive)
    #expect(try indicators(dropout: 0, labels: labels) == positive + prompts.indicator(.negative))
    #expect(try indicators(dropout: 0, labels: nil) == positive + positive)
    let absent = prompts.indicator(.absent)
    #expect(try indicators(dropout: 1, labels: labels) == absent + absent)
  }
}
