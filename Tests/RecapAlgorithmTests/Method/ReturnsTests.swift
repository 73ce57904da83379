import Episodes
import Tensors
import Testing

@testable import RecapAlgorithm

@Suite struct ReturnsTests {
  @Test func rewardsCostOneAStepAndFailureAtTheEnd() {
    #expect(
      Rewards.perStep(steps: 4, outcome: .success, failureCost: 10) == [-1, -1, -1, 0])
    #expect(
      Rewards.perStep(steps: 4, outcome: .failure, failureCost: 10) == [-1, -1, -1, -10])
  }

  @Test func successCountsTheStepsThatWereLeft() {
    let returns = Returns.normalized(steps: 5, outcome: .success, maximumSteps: 8)
    #expect(returns == [-0.5, -0.375, -0.25, -0.125, 0])
  }

  @Test func failureIsClippedAtMinusOneByDefault() {
    let returns = Returns.normalized(steps: 3, outcome: .failure, maximumSteps: 100)
    #expect(returns == [-1, -1, -1])
  }

  @Test func smallFailureCostIsClippedOnlyWhereItAddsUpToMore() {
    // −(T − 1 − t) − 6 over 8: −9/8 → −1, −8/8, −7/8, −6/8
    let returns = Returns.normalized(
      steps: 4, outcome: .failure, maximumSteps: 8, failureCost: 6)
    #expect(returns == [-1, -1, -0.875, -0.75])
  }

  @Test func oneStepEpisodes() {
    #expect(Returns.normalized(steps: 1, outcome: .success, maximumSteps: 10) == [0])
    #expect(Returns.normalized(steps: 1, outcome: .failure, maximumSteps: 10) == [-1])
    #expect(
      Returns.normalized(steps: 1, outcome: .failure, maximumSteps: 10, failureCost: 5) == [-0.5])
  }

  @Test func everyReturnLiesInTheValueRangeAndNoneFallsAsTimePasses() {
    var random = RandomSource(seed: 1)
    for _ in 0..<500 {
      let limit = Int.random(in: 1...300, using: &random)
      // Longer than the limit, too: a robot may report late.
      let steps = Int.random(in: 1...(limit + 5), using: &random)
      let returns = Returns.normalized(
        steps: steps, outcome: Bool.random(using: &random) ? .success : .failure,
        maximumSteps: limit, failureCost: Double.random(in: 0.5...500, using: &random))
      #expect(returns.count == steps)
      #expect(returns.allSatisfy { (-1...0).contains($0) })
      #expect(zip(returns, returns.dropFirst()).allSatisfy { $0 <= $1 })
    }
  }
}

@Suite struct ValueBinsTests {
  let bins = ValueBins()

  @Test func theEndsAndTheMiddle() {
    #expect(bins.count == 201)
    #expect(bins.value(of: 0) == -1)
    #expect(bins.value(of: 100) == -0.5)
    #expect(bins.value(of: 200) == 0)
    #expect(bins.index(of: -1) == 0)
    #expect(bins.index(of: -0.5) == 100)
    #expect(bins.index(of: 0) == 200)
  }

  @Test func nearestBinAndTiesUpwards() {
    let coarse = ValueBins(count: 5)  // −1, −0.75, −0.5, −0.25, 0
    #expect(coarse.index(of: -0.88) == 0)
    #expect(coarse.index(of: -0.87) == 1)
    #expect(coarse.index(of: -0.875) == 1)
    #expect(coarse.indices(of: [-0.26, -0.12]) == [3, 4])
  }

  @Test func outsideTheRangeIsTheEnd() {
    #expect(bins.index(of: -7) == 0)
    #expect(bins.index(of: 0.3) == 200)
  }

  @Test func everyBinIsItsOwnNearest() {
    #expect(bins.values.enumerated().allSatisfy { bins.index(of: $1) == $0 })
  }

  @Test func expectationOfOneBinIsItsValue() {
    let chosen = [0, 1, 77, 200]
    var probabilities = [Float](repeating: 0, count: 4 * 201)
    for (row, bin) in chosen.enumerated() { probabilities[201 * row + bin] = 1 }
    for (bin, value) in zip(chosen, bins.expectations(of: probabilities)) {
      #expect(abs(value - bins.value(of: bin)) < 1e-6)
    }
  }

  @Test func expectationByHand() throws {
    let coarse = ValueBins(count: 3)  // −1, −0.5, 0
    let values = coarse.expectations(of: [0.5, 0.25, 0.25, 0, 0.5, 0.5])
    #expect(values.count == 2 && abs(values[0] + 0.625) < 1e-6 && abs(values[1] + 0.25) < 1e-6)
    let uniform = [Float](repeating: 1 / 201, count: 201)
    #expect(abs(try #require(bins.expectations(of: uniform).first) + 0.5) < 1e-5)
    #expect(bins.expectations(of: []).isEmpty)
  }
}
