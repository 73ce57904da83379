import Networks
import Tensors

/// Which token stands where in a sequence, and which sees which: every token sees all tokens of
/// earlier segments, and of its own segment either all (what is observed) or those up to itself
/// (what is written, one token after the other).
struct TokenLayout: Sendable {
  struct Segment: Sendable {
    var count: Int
    /// Whether its tokens see only themselves and what stands before them.
    var isCausal: Bool

    static func observed(_ count: Int) -> Segment { Segment(count: count, isCausal: false) }
    static func written(_ count: Int) -> Segment { Segment(count: count, isCausal: true) }
  }

  /// Each segment's tokens.
  let ranges: [Range<Int>]
  /// By token: it sees the tokens 0..<limit.
  private let limits: [Int]

  /// Tokens in all. Their places are their rotary positions.
  var count: Int { limits.count }

  /// - Parameter segments: In reading order.
  init(_ segments: [Segment]) {
    var ranges: [Range<Int>] = []
    var limits: [Int] = []
    for segment in segments {
      let range = limits.count..<limits.count + segment.count
      ranges.append(range)
      limits += range.map { segment.isCausal ? $0 + 1 : range.upperBound }
    }
    self.ranges = ranges
    self.limits = limits
  }

  /// Whether token `query` sees token `key`, padding aside.
  func sees(_ query: Int, _ key: Int) -> Bool { key < limits[query] }

  /// The mask of some tokens looking at the tokens 0..<keys; nil where all see all.
  ///
  /// - Parameter padding: By sample and key, whether it is padding, [B, keys]; nil where nothing is.
  func mask(queries: Range<Int>, keys: Int, padding: [Bool]?) -> AttentionMask? {
    var visible: [Bool] = []
    visible.reserveCapacity(queries.count * keys)
    for query in queries {
      for key in 0..<keys { visible.append(sees(query, key)) }
    }
    return Self.mask(visible, queries: queries.count, keys: keys, padding: padding)
  }

  /// - Parameters:
  ///   - visible: [queries, keys]
  ///   - padding: [B, keys], or nil.
  static func mask(
    _ visible: [Bool], queries: Int, keys: Int, padding: [Bool]?
  ) -> AttentionMask? {
    guard let padding, padding.contains(true) else {
      return visible.contains(false)
        ? AttentionMask(queries: queries, keys: keys, visible: visible) : nil
    }
    let batch = padding.count / keys
    var samples: [Bool] = []
    samples.reserveCapacity(batch * queries * keys)
    for sample in 0..<batch {
      for query in 0..<queries {
        for key in 0..<keys {
          samples.append(visible[query * keys + key] && !padding[sample * keys + key])
        }
      }
    }
    return AttentionMask(queries: queries, keys: keys, samples: batch, visible: samples)
  }
}

extension Transformer {
  /// Runs some tokens of a layout, behind those that have been run before.
  ///
  /// - Parameters:
  ///   - x: [B, tokens, width]
  ///   - tokens: Which tokens of the layout these are.
  ///   - past: By layer, keys and values of the tokens in front, 0..<tokens.lowerBound; nil where
  ///     there are none.
  ///   - outputs: The tokens whose final states are wanted: the last ones of `tokens`.
  ///   - padding: By sample and token, whether it is padding, [B, 0..<tokens.upperBound]; nil where
  ///     nothing is.
  func callAsFunction(
    _ tape: Tape, _ x: Variable, tokens: Range<Int>, of layout: TokenLayout,
    past: [KeyValue]? = nil, outputs: Range<Int>, padding: [Bool]?
  ) -> (states: Variable?, keyValues: [KeyValue]) {
    let keys = tokens.upperBound
    let rows = outputs.lowerBound - tokens.lowerBound..<outputs.upperBound - tokens.lowerBound
    return self(
      tape, x, positions: tokens.map(Int32.init), past: past, outputs: rows,
      mask: layout.mask(queries: tokens, keys: keys, padding: padding),
      outputMask: layout.mask(queries: outputs, keys: keys, padding: padding))
  }
}
