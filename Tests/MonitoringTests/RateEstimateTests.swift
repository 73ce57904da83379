import Testing

@testable import Monitoring

@Suite struct RateEstimateTests {
  @Test func oneReportTellsNoRate() {
    var rate = RateEstimate()
    #expect(rate.remaining(total: 10, at: .seconds(1)) == nil)
    rate.add(done: 3, at: .seconds(1))
    #expect(rate.remaining(total: 10, at: .seconds(1)) == nil)
    rate.add(done: 3, at: .seconds(5))
    #expect(rate.remaining(total: 10, at: .seconds(5)) == nil)
    #expect(rate.remaining(total: 3, at: .seconds(5)) == .zero)
  }

  /// A resumed job begins with units it did not do now: 900 of 1000 after a second is no rate of
  /// 900 a second.
  @Test func unitsDoneBeforeTheFirstReportDoNotCount() {
    var rate = RateEstimate()
    rate.add(done: 900, at: .seconds(1))
    rate.add(done: 910, at: .seconds(11))
    #expect(rate.remaining(total: 1000, at: .seconds(11)) == .seconds(90))
  }

  @Test func onlyTheLastMinuteCounts() {
    var rate = RateEstimate()
    // 1 a second for 100 s, then 10 a second for 60 s.
    for second in 0...100 { rate.add(done: second, at: .seconds(second)) }
    for second in 1...60 { rate.add(done: 100 + 10 * second, at: .seconds(100 + second)) }
    #expect(rate.remaining(total: 800, at: .seconds(160)) == .seconds(10))
  }

  @Test func aRepeatedJobStartsAfresh() {
    var rate = RateEstimate()
    rate.add(done: 10, at: .seconds(1))
    rate.add(done: 20, at: .seconds(2))
    rate.add(done: 0, at: .seconds(3))
    #expect(rate.remaining(total: 100, at: .seconds(3)) == nil)
    rate.add(done: 1, at: .seconds(4))
    #expect(rate.remaining(total: 100, at: .seconds(4)) == .seconds(99))
  }
}
