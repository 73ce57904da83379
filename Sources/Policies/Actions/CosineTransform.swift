import Foundation

/// The orthonormal discrete cosine transform (DCT-II) along the time of an action chunk, and its
/// inverse.
///
/// `C[k, a] = s(k) · Σ_t x[t, a] · cos(π · k · (t + ½) / H)` with `s(0) = √(1/H)` and
/// `s(k) = √(2/H)`: `scipy.fft.dct(x, axis=0, norm="ortho")`.
struct CosineTransform: Equatable, Sendable {
  /// Steps H of a chunk.
  let length: Int
  /// Dimensions A of an action.
  let width: Int
  /// [frequencies, steps], H of each
  private let basis: [Float]

  init(length: Int, width: Int) {
    self.length = length
    self.width = width
    basis = (0..<length).flatMap { frequency in
      let size = ((frequency == 0 ? 1 : 2) / Double(length)).squareRoot()
      return (0..<length).map { step in
        Float(size * cos(.pi * Double(frequency) * (Double(step) + 0.5) / Double(length)))
      }
    }
  }

  /// - Parameter chunk: Row-major [H, A].
  /// - Returns: Row-major [frequencies, A], low frequencies first.
  func coefficients(of chunk: ArraySlice<Float>) -> [Float] {
    var result = [Float](repeating: 0, count: length * width)
    for frequency in 0..<length {
      for step in 0..<length {
        addRow(
          of: chunk, at: chunk.startIndex + step * width, times: basis[frequency * length + step],
          to: &result, at: frequency * width)
      }
    }
    return result
  }

  /// - Parameter coefficients: Row-major [frequencies, A].
  /// - Returns: The chunk, row-major [H, A].
  func chunk(of coefficients: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: length * width)
    for step in 0..<length {
      for frequency in 0..<length {
        addRow(
          of: coefficients[...], at: frequency * width, times: basis[frequency * length + step],
          to: &result, at: step * width)
      }
    }
    return result
  }

  @inline(__always)
  private func addRow(
    of source: ArraySlice<Float>, at start: Int, times factor: Float, to result: inout [Float],
    at place: Int
  ) {
    for column in 0..<width { result[place + column] += factor * source[start + column] }
  }
}
