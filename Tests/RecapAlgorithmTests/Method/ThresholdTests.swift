import Tensors
import Testing

@testable import RecapAlgorithm

@Suite struct ThresholdTests {
  private func positives(_ advantages: [Float], _ threshold: Float) -> Int {
    advantages.count { $0 > threshold }
  }

  @Test func byHand() {
    let advantages: [Float] = [0.3, -0.2, 0.1, -0.1, 0.5, 0.0, -0.4, 0.2, -0.3, 0.4]
    #expect(Threshold.threshold(of: advantages, positiveShare: 0.3) == 0.2)
    #expect(Threshold.threshold(of: advantages, positiveShare: 0.4) == 0.1)
    #expect(Threshold.threshold(of: advantages, positiveShare: 0.1) == 0.4)
  }

  @Test(arguments: [0.1, 0.3, 0.4, 0.77])
  func aShareReallyComesOutPositive(share: Double) {
    var random = RandomSource(seed: UInt64(share * 1000))
    for _ in 0..<50 {
      let count = Int.random(in: 1...2000, using: &random)
      // A cubed uniform number: skewed, and practically without ties.
      let advantages = (0..<count).map { _ in
        let draw = Float.random(in: -1...0.6, using: &random)
        return draw * draw * draw
      }
      let threshold = Threshold.threshold(of: advantages, positiveShare: share)
      let came = Double(positives(advantages, threshold)) / Double(count)
      #expect(abs(came - share) <= 0.5 / Double(count) + 1e-9)
    }
  }

  @Test func theOrderOfAdvantagesDoesNotMatter() {
    var random = RandomSource(seed: 5)
    let advantages = (0..<300).map { _ in Float(Int.random(in: -9...9, using: &random)) / 10 }
    let threshold = Threshold.threshold(of: advantages, positiveShare: 0.4)
    for _ in 0..<10 {
      let shuffled = advantages.shuffled(using: &random)
      #expect(Threshold.threshold(of: shuffled, positiveShare: 0.4) == threshold)
    }
  }

  @Test func tiesGoWhereTheShareIsCloser() {
    // 4 wanted of 10. Five equal at the top: all of them (5) is closer than none.
    let top: [Float] = [1, 1, 1, 1, 1, 0, -1, -2, -3, -4]
    #expect(positives(top, Threshold.threshold(of: top, positiveShare: 0.4)) == 5)
    // Nine equal below one: 1 is closer to 4 than 10 is.
    let bottom: [Float] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    #expect(positives(bottom, Threshold.threshold(of: bottom, positiveShare: 0.4)) == 1)
    // Two or six, both two away from four: the fewer.
    let even: [Float] = [2, 1, 0, 0, 0, 0, -1, -2, -3, -4]
    #expect(positives(even, Threshold.threshold(of: even, positiveShare: 0.4)) == 2)
  }

  @Test func allEqualAreAllOrNone() {
    let equal = [Float](repeating: -0.125, count: 10)
    #expect(positives(equal, Threshold.threshold(of: equal, positiveShare: 0.4)) == 0)
    #expect(positives(equal, Threshold.threshold(of: equal, positiveShare: 0.5)) == 0)
    #expect(positives(equal, Threshold.threshold(of: equal, positiveShare: 0.6)) == 10)
  }

  @Test func oneAdvantage() {
    #expect(positives([0.2], Threshold.threshold(of: [0.2], positiveShare: 0.4)) == 0)
    #expect(positives([0.2], Threshold.threshold(of: [0.2], positiveShare: 0.6)) == 1)
  }

  @Test func tiesAreOffByAtMostHalfOfTheirGroup() {
    var random = RandomSource(seed: 6)
    for _ in 0..<300 {
      let count = Int.random(in: 1...200, using: &random)
      let advantages = (0..<count).map { _ in Float(Int.random(in: -3...3, using: &random)) }
      let share = Double.random(in: 0.05...0.95, using: &random)
      let wanted = (share * Double(count)).rounded()
      let came = positives(advantages, Threshold.threshold(of: advantages, positiveShare: share))
      let largest = Set(advantages).map { value in advantages.count { $0 == value } }.max() ?? 0
      #expect(abs(Double(came) - wanted) <= Double(largest) / 2)
    }
  }

  @Test func aSampleEstimatesTheThresholdAndFollowsItsSeed() {
    var random = RandomSource(seed: 7)
    let advantages = (0..<60_000).map { _ in Float.random(in: -1...1, using: &random) }
    func sampled(_ seed: UInt64) -> Float {
      Threshold.threshold(
        of: advantages, positiveShare: 0.3, sample: Threshold.pretrainingSample, seed: seed)
    }
    #expect(sampled(1) == sampled(1))
    #expect(sampled(1) != sampled(2))
    // Four standard errors of a share of 0.3 in 10,000.
    let share = Double(positives(advantages, sampled(1))) / 60_000
    #expect(abs(share - 0.3) < 0.019)
  }

  @Test func aSampleOfAllIsExact() {
    let advantages: [Float] = [3, 1, 2, 5, 4]
    #expect(
      Threshold.threshold(of: advantages, positiveShare: 0.4, sample: 5, seed: 9)
        == Threshold.threshold(of: advantages, positiveShare: 0.4))
  }
}
