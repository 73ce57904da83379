import Episodes
import Tensors

/// The normalised action chunk that begins at each frame of a dataset.
///
/// Behind the end of its episode the last action is repeated. Letters: H actions in a chunk, A
/// action width.
struct ActionChunks: Sendable {
  /// H
  let length: Int
  /// A
  let width: Int
  /// [frames, A]
  private let actions: [Float]
  /// By frame, the last frame of its episode.
  private let last: [Int32]

  /// Frames in all.
  var count: Int { last.count }

  init(episodes: [Episode], scaler: FeatureScaler, length: Int) {
    self.length = length
    width = scaler.width
    var actions: [Float] = []
    var last: [Int32] = []
    actions.reserveCapacity(episodes.reduce(0) { $0 + $1.count } * width)
    for episode in episodes {
      scaler.appendNormalized(episode.actions, to: &actions)
      let end = Int32(last.count + episode.count - 1)
      last += Array(repeating: end, count: episode.count)
    }
    self.actions = actions
    self.last = last
  }

  /// Appends the chunk that begins at a frame, [H, A].
  func append(from frame: Int, to values: inout [Float]) {
    let last = Int(last[frame])
    for step in frame..<frame + length {
      let source = min(step, last) * width
      values += actions[source..<source + width]
    }
  }

  /// Appends 1 for each number of the chunk that was recorded and 0 for each repeated one, [H, A].
  func appendWeights(from frame: Int, to weights: inout [Float]) {
    let recorded = min(Int(last[frame]) - frame + 1, length)
    weights += repeatElement(1, count: recorded * width)
    weights += repeatElement(0, count: (length - recorded) * width)
  }

  /// At most `limit` chunks at even distances, [H × A] each.
  func sample(limit: Int = 20_000) -> [ArraySlice<Float>] {
    let distance = max(1, (count + limit - 1) / limit)
    return stride(from: 0, to: count, by: distance).map { frame in
      var chunk: [Float] = []
      chunk.reserveCapacity(length * width)
      append(from: frame, to: &chunk)
      return chunk[...]
    }
  }
}

/// The FAST tokens of each frame's chunk, encoded when a frame is first drawn.
struct ActionTokens {
  private let chunks: ActionChunks
  private let tokenizer: FASTTokenizer
  /// F
  private let slots: Int
  private var known: [[Int32]?]

  init(_ chunks: ActionChunks, _ tokenizer: FASTTokenizer, slots: Int) {
    self.chunks = chunks
    self.tokenizer = tokenizer
    self.slots = slots
    known = Array(repeating: nil, count: chunks.count)
  }

  /// Appends what stands in a chunk's places and what each is to predict, F each.
  ///
  /// - Parameters:
  ///   - dropout: The probability of hiding a token from those behind it.
  ///   - random: Decides which.
  mutating func append(
    from frame: Int, to inputs: inout [Int32], targets: inout [Int32], dropout: Float,
    using random: inout RandomSource
  ) {
    let tokens = tokens(from: frame)
    inputs.append(FASTTokenizer.begin)
    // Behind the end nothing is predicted, so the padding there can also mean a hidden token.
    inputs += tokens.prefix(slots - 1).map { random.chance(dropout) ? FASTTokenizer.pad : $0 }
    inputs += repeatElement(FASTTokenizer.pad, count: max(0, slots - 1 - tokens.count))
    // A chunk that does not fit has no end.
    let predicted = (tokens + [FASTTokenizer.end]).prefix(tokens.count < slots ? slots : slots - 1)
    targets += predicted
    targets += repeatElement(-1, count: slots - predicted.count)
  }

  private mutating func tokens(from frame: Int) -> [Int32] {
    if let tokens = known[frame] { return tokens }
    var chunk: [Float] = []
    chunk.reserveCapacity(chunks.length * chunks.width)
    chunks.append(from: frame, to: &chunk)
    let tokens = tokenizer.encode(chunk[...])
    known[frame] = tokens
    return tokens
  }
}
