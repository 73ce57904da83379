import Episodes
import Testing

@testable import RecapAlgorithm

@Suite struct HeldOutTests {
  private let episodes = (0..<2000).map {
    ContentDigest(hashing: [UInt8($0 % 256), UInt8($0 / 256)])
  }

  @Test func aboutTheShareIsHeldOutAndTheRestIsTrainedOn() {
    let split = HeldOut.split(episodes, share: 0.1)
    // 200 ± 3 standard deviations.
    #expect((160...240).contains(split.heldOut.count))
    #expect((split.training + split.heldOut).sorted() == Array(episodes.indices))
    #expect(HeldOut.split(episodes, share: 0).heldOut.isEmpty)
  }

  @Test func whatIsHeldOutStaysSoAmongMoreEpisodesAndWithALargerShare() {
    let few = HeldOut.split(Array(episodes.prefix(300)), share: 0.1).heldOut
    let many = HeldOut.split(episodes, share: 0.2).heldOut
    #expect(Set(few).isSubset(of: many))
  }

  @Test func somethingIsAlwaysTrainedOn() throws {
    let one = try #require(episodes.first { HeldOut.isHeldOut($0, share: 0.1) })
    let split = HeldOut.split([one], share: 0.1)
    #expect(split.training == [0] && split.heldOut.isEmpty)
  }
}
