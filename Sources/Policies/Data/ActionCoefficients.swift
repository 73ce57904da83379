import Foundation

/// The discrete form of an action chunk: its lowest cosine coefficients along time, quantised.
///
/// A thin form of FAST (arXiv 2501.09747): a chunk is smooth, so a few low frequencies say most
/// about it. The backbone predicts them in one shot, which teaches it what matters for action
/// without the expert's gradient (Knowledge Insulation).
struct ActionCoefficients: Sendable {
  /// Quantisation levels of one coefficient.
  static let bins = 33
  /// Coefficients cover ±limit, in standard deviations of an action.
  static let limit: Float = 3

  let chunkLength: Int
  let actionWidth: Int
  /// Frequencies kept, from 0.
  let frequencies: Int
  /// [frequencies, chunkLength]
  private let basis: [Float]

  /// - Parameters:
  ///   - chunkLength: H ≥ 1.
  ///   - actionWidth: Width of one action.
  init(chunkLength: Int, actionWidth: Int) {
    self.chunkLength = chunkLength
    self.actionWidth = actionWidth
    frequencies = min(3, chunkLength)
    // Scaled so that frequency 0 is the mean: all coefficients stay within a few standard
    // deviations of an action.
    basis = (0..<frequencies).flatMap { frequency in
      (0..<chunkLength).map { step in
        let angle = Double.pi * Double(frequency) * (Double(step) + 0.5) / Double(chunkLength)
        return Float(cos(angle) * (frequency == 0 ? 1 : 2.0.squareRoot()) / Double(chunkLength))
      }
    }
  }

  /// Classes predicted per chunk: frequencies × actionWidth.
  var count: Int { frequencies * actionWidth }

  /// Appends a chunk's classes, [frequencies, actionWidth], each in 0..<bins.
  ///
  /// - Parameter chunk: Normalised actions, row-major [chunkLength, actionWidth].
  func appendClasses(of chunk: ArraySlice<Float>, to classes: inout [Int32]) {
    for frequency in 0..<frequencies {
      for column in 0..<actionWidth {
        var sum: Float = 0
        for step in 0..<chunkLength {
          sum +=
            basis[frequency * chunkLength + step]
            * chunk[chunk.startIndex + step * actionWidth + column]
        }
        let place = (sum / Self.limit + 1) / 2 * Float(Self.bins - 1)
        classes.append(Int32(min(max(place.rounded(), 0), Float(Self.bins - 1))))
      }
    }
  }
}
