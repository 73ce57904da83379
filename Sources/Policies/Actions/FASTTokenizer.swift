/// Action chunks as few discrete tokens: FAST (Pertsch et al., arXiv 2501.09747).
///
/// A chunk's cosine coefficients along time, scaled and rounded to integers, are written with the
/// lowest frequency of every dimension first and compressed by byte-pair encoding: smooth motion has
/// few large coefficients, and long runs of zeros become single tokens.
///
/// Ids: `<pad>`, `<actions>`, `<end>`, then every integer of `range` in order, then the merges in
/// the order in which they were learnt.
struct FASTTokenizer: Equatable, Sendable {
  /// Fills places behind the end.
  static let pad: Int32 = 0
  /// `<actions>`: stands before a chunk's tokens.
  static let begin: Int32 = 1
  /// Stands behind a chunk's tokens.
  static let end: Int32 = 2
  /// Ids below this are special.
  static let specialCount = 3

  /// Steps H of a chunk.
  let chunkLength: Int
  /// Dimensions A of an action.
  let actionWidth: Int
  /// Quanta per unit of a coefficient: a coefficient comes back within ½ / scale, and with it, since
  /// the transform is orthonormal, the root mean square of a chunk's error is at most ½ / scale.
  let scale: Float
  /// The integers that have a symbol. Coefficients outside are moved to the nearer end, so that any
  /// chunk can be encoded.
  let range: ClosedRange<Int32>
  /// Tokens of the longest chunk seen in fitting, without begin and end.
  let longest: Int
  let merges: BytePairMerges
  private let transform: CosineTransform
  /// The integers that each token stands for, [vocabularySize]; empty for specials.
  private let expansions: [[Int32]]

  /// The number of token ids: specials, integers and merges.
  var vocabularySize: Int { expansions.count }

  /// The largest number of tokens of any chunk, without begin and end.
  var coefficientCount: Int { chunkLength * actionWidth }

  /// - Parameter pairs: The merges in order. They name ids as described above.
  /// - Throws: `PolicyError.actionTokenizer` for sizes below 1, a scale that is not a positive
  ///   number, or a merge that is not a new pair of tokens made before it.
  init(
    chunkLength: Int, actionWidth: Int, scale: Float, range: ClosedRange<Int32>, longest: Int,
    pairs: [BytePairMerges.Pair]
  ) throws(PolicyError) {
    guard chunkLength >= 1, actionWidth >= 1 else {
      throw .actionTokenizer(
        "expected at least 1 step and 1 dimension, got \(chunkLength) × \(actionWidth)")
    }
    guard scale > 0, scale.isFinite else {
      throw .actionTokenizer("expected a positive scale, got \(scale)")
    }
    self.chunkLength = chunkLength
    self.actionWidth = actionWidth
    self.scale = scale
    self.range = range
    self.longest = longest
    transform = CosineTransform(length: chunkLength, width: actionWidth)
    var expansions = [[Int32]](repeating: [], count: Self.specialCount) + range.map { [$0] }
    var merges = BytePairMerges()
    for pair in pairs {
      let known = Int32(Self.specialCount)..<Int32(expansions.count)
      guard known.contains(pair.left), known.contains(pair.right),
        merges.append(pair, into: Int32(expansions.count))
      else {
        throw .actionTokenizer(
          "merge \(merges.pairs.count), [\(pair.left), \(pair.right)], is not a new pair of tokens "
            + "made before it, which are \(known)")
      }
      expansions.append(expansions[Int(pair.left)] + expansions[Int(pair.right)])
    }
    self.expansions = expansions
    self.merges = merges
  }

  /// The tokens of a chunk, without begin and end: 1 to `coefficientCount`.
  ///
  /// - Parameter chunk: Normalised actions, row-major [H, A].
  func encode(_ chunk: ArraySlice<Float>) -> [Int32] {
    precondition(chunk.count == coefficientCount, "a chunk of \(chunk.count) values")
    let first = Int32(Self.specialCount) - range.lowerBound
    return merges.apply(
      to: Self.quanta(of: chunk, transform, scale: scale).map {
        min(max($0, range.lowerBound), range.upperBound) + first
      })
  }

  /// The chunk that tokens stand for, row-major [H, A].
  ///
  /// - Parameter ids: A chunk's tokens without begin and end.
  /// - Throws: `PolicyError.actionTokenizer` for a special or unknown id, or tokens that together
  ///   are not one chunk's coefficients.
  func decode(_ ids: [Int32]) throws(PolicyError) -> [Float] {
    var quanta: [Int32] = []
    for (place, id) in ids.enumerated() {
      guard (Self.specialCount..<vocabularySize).contains(Int(id)) else {
        throw .actionTokenizer(
          "token \(place) of \(ids.count) has id \(id); ids of actions are "
            + "\(Self.specialCount)..<\(vocabularySize)")
      }
      quanta += expansions[Int(id)]
    }
    guard quanta.count == coefficientCount else {
      throw .actionTokenizer(
        "expected tokens of \(coefficientCount) coefficients (\(chunkLength) steps × "
          + "\(actionWidth) dimensions), got \(ids.count) tokens of \(quanta.count)")
    }
    return transform.chunk(of: quanta.map { Float($0) / scale })
  }

  /// The coefficients in whole quanta, [H, A], frequency by frequency.
  ///
  /// Values beyond ±`valueLimit` are moved to it first: else the rounding errors of enormous ones
  /// would fill the high frequencies. NaN, which no checked observation or dataset holds, becomes
  /// some number too.
  static func quanta(of chunk: ArraySlice<Float>, _ transform: CosineTransform, scale: Float)
    -> [Int32]
  {
    let chunk = chunk.map { min(max($0, -valueLimit), valueLimit) }
    return transform.coefficients(of: chunk[...]).map { coefficient in
      let value = (coefficient * scale).rounded(.toNearestOrEven)
      return value > -quantumLimit ? Int32(min(value, quantumLimit)) : Int32(-quantumLimit)
    }
  }

  /// The largest normalised action: a thousand standard deviations.
  private static let valueLimit: Float = 1000
  /// The largest number of quanta: what a large scale makes of a large action.
  private static let quantumLimit: Float = 10_000_000
}
