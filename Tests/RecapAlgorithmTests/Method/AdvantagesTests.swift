import Episodes
import Tensors
import Testing

@testable import RecapAlgorithm

@Suite struct AdvantagesTests {
  @Test func twoStepLookaheadByHand() {
    // L = 10, success after 5 steps: R = −0.4 … 0.
    let values: [Float] = [-0.5, -0.3, -0.35, -0.2, -0.1]
    let returns = Returns.normalized(steps: 5, outcome: .success, maximumSteps: 10)
    let advantages = Advantages.perStep(
      values: values, returns: returns, maximumSteps: 10, lookahead: 2)
    // −2/10 + V_{t+2} − V_t for t = 0, 1, 2; then R_t − V_t.
    let expected: [Float] = [
      -0.2 - 0.35 + 0.5, -0.2 - 0.2 + 0.3, -0.2 - 0.1 + 0.35, -0.1 + 0.2, 0 + 0.1,
    ]
    #expect(zip(advantages, expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func lookaheadThatReachesExactlyTheEndUsesTheReturn() {
    let advantages = Advantages.perStep(
      values: [-0.5, -0.5, -0.5], returns: [-0.2, -0.1, 0], maximumSteps: 10, lookahead: 3)
    #expect(abs(advantages[0] - 0.3) < 1e-6)
  }

  @Test(arguments: [nil, 5, 50, 1000])
  func episodesNoLongerThanTheLookaheadGiveReturnMinusValue(lookahead: Int?) {
    let values: [Float] = [-0.9, -0.7, -0.4, -0.2, -0.1]
    let returns = Returns.normalized(steps: 5, outcome: .failure, maximumSteps: 20, failureCost: 8)
    let advantages = Advantages.perStep(
      values: values, returns: returns, maximumSteps: 20, lookahead: lookahead)
    #expect(advantages == zip(returns, values).map { $0 - $1 })
  }

  @Test func oneStepEpisode() {
    for lookahead in [nil, 1, 50] {
      #expect(
        Advantages.perStep(values: [-0.25], returns: [0], maximumSteps: 9, lookahead: lookahead)
          == [0.25])
    }
  }

  @Test func aPerfectValueFunctionHasNoAdvantage() {
    let returns = Returns.normalized(steps: 40, outcome: .success, maximumSteps: 64)
    for lookahead in [nil, 1, 7, 39, 40] {
      let advantages = Advantages.perStep(
        values: returns, returns: returns, maximumSteps: 64, lookahead: lookahead)
      #expect(advantages.allSatisfy { abs($0) < 1e-6 })
    }
  }

  /// One-step advantages from t on add up to R_t − V(o_t): what each step gained is what all
  /// gained.
  @Test func oneStepAdvantagesTelescope() {
    var random = RandomSource(seed: 2)
    for _ in 0..<200 {
      let limit = Int.random(in: 5...200, using: &random)
      let steps = Int.random(in: 1...limit, using: &random)
      let values = (0..<steps).map { _ in Float.random(in: -1...0, using: &random) }
      let returns = Returns.normalized(steps: steps, outcome: .success, maximumSteps: limit)
      let advantages = Advantages.perStep(
        values: values, returns: returns, maximumSteps: limit, lookahead: 1)
      var sum: Float = 0
      for step in (0..<steps).reversed() {
        sum += advantages[step]
        #expect(abs(sum - (returns[step] - values[step])) < 1e-4)
      }
    }
  }

  @Test func aLostAttemptIsBelowZeroUntilItsLastSteps() {
    let steps = 20
    let advantages = Advantages.perStep(
      values: Array(repeating: -1, count: steps), returns: Array(repeating: -1, count: steps),
      maximumSteps: steps, lookahead: 5)
    #expect(advantages[..<15].allSatisfy { abs($0 + 0.25) < 1e-6 })
    #expect(advantages[15...].allSatisfy { $0 == 0 })
  }
}

@Suite struct AdvantageIndicatorTests {
  @Test func textsOfThePaper() {
    #expect(AdvantageIndicator(isPositive: true).text == "Advantage: positive")
    #expect(AdvantageIndicator(isPositive: false).text == "Advantage: negative")
    #expect(AdvantageIndicator.absent.text == "")
  }

  @Test func droppedAsOftenAsAsked() {
    var random = RandomSource(seed: 3)
    let dropped = (0..<20_000).count { _ in
      AdvantageIndicator.negative.dropped(withProbability: 0.3, using: &random) == .absent
    }
    // Four standard errors of a share of 0.3 in 20,000.
    #expect(abs(Double(dropped) / 20_000 - 0.3) < 0.013)
  }

  @Test func neverAndAlwaysDropped() {
    var random = RandomSource(seed: 4)
    for _ in 0..<100 {
      let indicator = AdvantageIndicator.positive
      #expect(indicator.dropped(withProbability: 0, using: &random) == .positive)
      #expect(indicator.dropped(withProbability: 1, using: &random) == .absent)
    }
  }

  @Test func guidanceByHand() {
    let conditional: [Float] = [1, 2, -1]
    let unconditional: [Float] = [0, 4, -1]
    func guided(_ scale: Float) -> [Float] {
      Guidance.combine(
        conditional: conditional[...], unconditional: unconditional[...], scale: scale)
    }
    #expect(guided(0) == unconditional)
    #expect(guided(1) == conditional)
    #expect(guided(2) == [2, 0, -1])
    #expect(!Guidance.needsUnconditional(1))
    #expect(Guidance.needsUnconditional(2) && Guidance.needsUnconditional(0))
  }
}
