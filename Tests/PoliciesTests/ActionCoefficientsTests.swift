import Testing

@testable import Policies

@Suite struct ActionCoefficientsTests {
  @Test func aConstantChunkIsItsMean() {
    let coefficients = ActionCoefficients(chunkLength: 8, actionWidth: 2)
    var classes: [Int32] = []
    let chunk = [[Float]](repeating: [1.5, -3], count: 8).flatMap { $0 }
    coefficients.appendClasses(of: chunk[...], to: &classes)
    // 1.5 of ±3 is three quarters of the way from bin 0 to bin 32; higher frequencies are 0, the
    // middle bin.
    #expect(classes == [24, 0, 16, 16, 16, 16])
    #expect(classes.count == coefficients.count)
  }

  /// Two steps, +x then −x: the mean is 0, frequency 1 is √2 · x · cos(π/4) = x.
  @Test func aSwingIsTheFirstFrequency() {
    let coefficients = ActionCoefficients(chunkLength: 2, actionWidth: 1)
    var classes: [Int32] = []
    coefficients.appendClasses(of: [3, -3][...], to: &classes)
    #expect(classes == [16, 32])
  }

  @Test func valuesOutsideGoToTheOuterBins() {
    let coefficients = ActionCoefficients(chunkLength: 1, actionWidth: 2)
    var classes: [Int32] = []
    coefficients.appendClasses(of: [100, -100][...], to: &classes)
    #expect(classes == [32, 0])
  }
}
