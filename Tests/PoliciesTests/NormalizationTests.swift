import Episodes
import Foundation
import Testing

@testable import Policies

@Suite struct NormalizationTests {
  @Test func handWorkedStatistics() {
    // Two features over four frames in two blocks: 1 2 3 4, and a constant.
    let feature = Normalization.Feature.measured([[1, 5, 2, 5], [3, 5, 4, 5]], width: 2)
    #expect(feature.mean == [2.5, 5])
    #expect(isClose(feature.std, [1.118034, 0], within: 1e-6))
    // Order statistics at places 0.03 and 2.97.
    #expect(isClose(feature.q01, [1.03, 5], within: 1e-5))
    #expect(isClose(feature.q99, [3.97, 5], within: 1e-5))
  }

  @Test func normalizesAndRestores() {
    let feature = Normalization.Feature(
      mean: [1, -2], std: [2, 0.5], q01: [-3, -3], q99: [5, 1])
    let cases: [(Bool, [Float])] = [(false, [1, 2, -1, 0]), (true, [0.5, 0, -0.5, -0.5])]
    for (byQuantiles, expected) in cases {
      let scaler = FeatureScaler(feature, byQuantiles: byQuantiles)
      var scaled: [Float] = []
      scaler.appendNormalized([3, -1, -1, -2], to: &scaled)
      #expect(isClose(scaled, expected, within: 1e-4))
      #expect(isClose(scaler.restored(scaled), [3, -1, -1, -2], within: 1e-5))
    }
  }

  @Test func aFeatureThatNeverMovedIsOnlyShifted() {
    let still = Normalization.Feature(mean: [0.7], std: [1e-7], q01: [0.7], q99: [0.7])
    for byQuantiles in [false, true] {
      var scaled: [Float] = []
      FeatureScaler(still, byQuantiles: byQuantiles).appendNormalized([0.9], to: &scaled)
      #expect(isClose(scaled, [0.2], within: 1e-5))
    }
  }

  @Test func inputsFarOutsideAreClipped() {
    let feature = Normalization.Feature(mean: [0], std: [1], q01: [-1], q99: [1])
    var scaled: [Float] = []
    FeatureScaler(feature, byQuantiles: false).appendNormalized([1e6], to: &scaled, limit: 10)
    #expect(scaled == [10])
  }

  @Test func fileHasOpenPiLayout() throws {
    let measured = Normalization.measured(from: [try Toy.noiseEpisode(1, steps: 5)])
    let bytes = try JSONEncoder().encode(measured)
    let file = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    let statistics = try #require(file["norm_stats"] as? [String: [String: [Double]]])
    #expect(file.keys.sorted() == ["norm_stats"])
    #expect(statistics.keys.sorted() == ["actions", "environment_state", "state"])
    #expect(statistics["state"]?.mapValues(\.count) == ["mean": 2, "std": 2, "q01": 2, "q99": 2])
    #expect(try JSONDecoder().decode(Normalization.self, from: bytes) == measured)
  }

  @Test func readsStatisticsWithoutEnvironmentState() throws {
    let feature = #"{"mean": [0], "std": [1], "q01": [-2], "q99": [2]}"#
    let text = #"{"norm_stats": {"state": \#(feature), "actions": \#(feature)}}"#
    let file = try JSONDecoder().decode(Normalization.self, from: Data(text.utf8))
    #expect(file.environmentState == nil)
    #expect(file.actions.q99 == [2])
  }
}
