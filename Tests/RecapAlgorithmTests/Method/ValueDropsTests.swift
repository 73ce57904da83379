import Testing

@testable import RecapAlgorithm

@Suite struct ValueDropsTests {
  @Test func theLargestComesFirstAndNoneSharesAStep() {
    //  step              0     1     2     3     4     5     6     7     8     9
    let values: [Float] = [-0.5, -0.5, -0.75, -0.75, -0.25, -0.25, -0.5, -0.875, -0.875, -0.875]
    // Over 2 steps: 0.25 at 0, 0.25 at 1, −0.5, −0.5, 0.25, 0.625 at 5, 0.375 at 6, 0 at 7.
    let drops = ValueDrops.largest(in: values, window: 2, count: 3)
    #expect(
      drops == [
        ValueDrop(start: 5, end: 7, moment: 7, size: 0.625),
        ValueDrop(start: 0, end: 2, moment: 2, size: 0.25),
      ])
    #expect(ValueDrops.largest(in: values, window: 2, count: 1).map(\.start) == [5])
    #expect(ValueDrops.largest(in: values, window: 2, count: 3, leastSize: 0.5).count == 1)
    #expect(ValueDrops.largest(in: values, window: 2, count: 0).isEmpty)
  }

  @Test func windowsThatTouchShareAStep() {
    // Falling by 0.25 all the time: windows 0…1, 2…3; 1…2 shares steps with the first.
    let values: [Float] = [0, -0.25, -0.5, -0.75]
    #expect(ValueDrops.largest(in: values, window: 1, count: 9).map(\.start) == [0, 2])
  }

  @Test func whatRisesHasNoDrop() {
    #expect(ValueDrops.largest(in: [-1, -0.5, 0], window: 1).isEmpty)
    #expect(ValueDrops.largest(in: [-1, -1, -1], window: 1, leastSize: 0).isEmpty)
    #expect(ValueDrops.largest(in: [], window: 3).isEmpty)
    #expect(ValueDrops.largest(in: [-1], window: 3).isEmpty)
  }

  @Test func aShortEpisodeIsOneWindow() {
    #expect(
      ValueDrops.largest(in: [-0.25, -0.25, -0.75], window: 10)
        == [ValueDrop(start: 0, end: 2, moment: 2, size: 0.5)])
  }

  @Test func timingByHand() throws {
    // Falls at step 30 of 40; at step 5 of 40; never.
    func falling(at moment: Int) -> [Float] {
      (0..<40).map { $0 < moment ? -0.25 : -0.75 }
    }
    let timing = try #require(
      DropTiming(
        [
          DropTiming.Attempt(values: falling(at: 30), moment: 28),
          DropTiming.Attempt(values: falling(at: 5), moment: 16),
          DropTiming.Attempt(values: falling(at: 40), moment: 0),
        ], tolerance: 10, window: 4))
    #expect(timing.episodes == 3)
    #expect(timing.withDrop == 2)
    // 2 steps late, and 11 early.
    #expect(timing.near == 1)
    #expect(abs(timing.share - 1.0 / 3) < 1e-12)
    #expect(timing.medianDelay == -4.5)
    // 18…38 are 21 of 40 steps, 6…26 are 21, 0…10 are 11.
    #expect(abs(timing.shareByChance - 53.0 / 120) < 1e-12)
    #expect(DropTiming([]) == nil)
  }

  @Test func aDropExactlyAtTheToleranceIsNear() throws {
    let values: [Float] = (0..<40).map { $0 < 20 ? -0.25 : -0.75 }
    for (decided, near) in [(10, 1), (9, 0), (30, 1), (31, 0)] {
      let timing = try #require(
        DropTiming([DropTiming.Attempt(values: values, moment: decided)]))
      #expect(timing.near == near)
    }
  }
}
