import Networks
import Tensors

/// Which token stands where in a sequence, and which sees which.
///
/// Attention is block-causal over groups: a token sees the tokens of its own group and of earlier
/// ones. Read-out tokens see like any token of their group and are seen by nobody but themselves,
/// so that what they learn to collect changes nothing for the others. In memory they stand last, so
/// that what others see is one block.
struct TokenLayout: Sendable {
  struct Segment: Sendable {
    var count: Int
    var group: Int
    var isReadout = false
  }

  /// By token.
  let groups: [Int]
  let readouts: [Bool]
  /// Rotary positions by token, in reading order whatever the order in memory.
  let positions: [Int32]
  /// Each segment's tokens, in the order in which they were given.
  let ranges: [Range<Int>]
  /// Tokens that others may see: 0..<visible.
  let visible: Int

  var count: Int { groups.count }

  /// - Parameter segments: In reading order.
  init(_ segments: [Segment]) {
    var groups: [Int] = []
    var readouts: [Bool] = []
    var positions: [Int32] = []
    var ranges = Array(repeating: 0..<0, count: segments.count)
    var starts: [Int] = []
    var start = 0
    for segment in segments {
      starts.append(start)
      start += segment.count
    }
    for isReadout in [false, true] {
      for (index, segment) in segments.enumerated() where segment.isReadout == isReadout {
        ranges[index] = groups.count..<groups.count + segment.count
        groups += Array(repeating: segment.group, count: segment.count)
        readouts += Array(repeating: isReadout, count: segment.count)
        positions += (starts[index]..<starts[index] + segment.count).map(Int32.init)
      }
    }
    self.groups = groups
    self.readouts = readouts
    self.positions = positions
    self.ranges = ranges
    visible = readouts.count { !$0 }
  }

  /// Whether token `query` sees token `key`, padding aside.
  func sees(_ query: Int, _ key: Int) -> Bool {
    readouts[key] ? query == key : groups[key] <= groups[query]
  }

  /// The mask of some tokens looking at others; nil where all see all.
  ///
  /// - Parameters:
  ///   - queries: Tokens that look.
  ///   - keys: Tokens that are looked at.
  ///   - padding: By sample and token of `keys`, whether it is padding; nil where nothing is.
  func mask(queries: [Int], keys: [Int], padding: [Bool]?) -> AttentionMask? {
    var visible: [Bool] = []
    visible.reserveCapacity(queries.count * keys.count)
    for query in queries {
      for key in keys { visible.append(sees(query, key)) }
    }
    return Self.mask(visible, queries: queries.count, keys: keys.count, padding: padding)
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
  /// Runs tokens of a layout.
  ///
  /// - Parameters:
  ///   - tokens: Which tokens of the layout these are, [T].
  ///   - past: By layer, keys and values of tokens in front, and which tokens those are.
  ///   - outputs: The rows of `x` whose final states are wanted.
  ///   - padding: By sample and token, past ones first: whether it is padding.
  func callAsFunction(
    _ tape: Tape, _ x: Variable, tokens: [Int], layout: TokenLayout,
    past: (tokens: [Int], keyValues: [KeyValue])? = nil, outputs: Range<Int>, padding: [Bool]?
  ) -> (states: Variable?, keyValues: [KeyValue]) {
    let keys = (past?.tokens ?? []) + tokens
    return self(
      tape, x, positions: tokens.map { layout.positions[$0] }, past: past?.keyValues,
      outputs: outputs, mask: layout.mask(queries: tokens, keys: keys, padding: padding),
      outputMask: layout.mask(queries: Array(tokens[outputs]), keys: keys, padding: padding))
  }
}
