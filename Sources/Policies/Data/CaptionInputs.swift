import Tensors

/// Image–text pairs as a value function reads them.
///
/// Letters: C pairs in a batch, K patches of the first camera, p pixels along a patch, S places of a
/// caption.
struct CaptionInputs: Sendable {
  private let inputs: ObservationInputs
  private let pairs: ImageTextPairs
  private let settings: CoTrainingSettings
  /// [pairs][S]
  private let tokens: [[Int32]]
  private let targets: [[Int32]]

  /// - Parameters:
  ///   - inputs: Of the value function.
  ///   - settings: How many pairs and places.
  /// - Throws: `PolicyError.imageTextPairs` for no pairs, or images of another size than the first
  ///   camera's.
  init(
    _ pairs: ImageTextPairs, _ inputs: ObservationInputs, _ settings: CoTrainingSettings
  ) throws(PolicyError) {
    guard pairs.count > 0 else { throw .imageTextPairs("none came; expected at least one") }
    guard let camera = inputs.embodiment.cameras.first, inputs.usesImages,
      camera.width == pairs.width, camera.height == pairs.height
    else {
      throw .imageTextPairs(
        "their images have \(pairs.width)×\(pairs.height) pixels; expected those of the first "
          + "camera that the model reads")
    }
    self.inputs = inputs
    self.pairs = pairs
    self.settings = settings
    let slots = settings.captionTokens
    let tokenizer = inputs.prompts.tokenizer
    var tokens: [[Int32]] = []
    var targets: [[Int32]] = []
    for caption in pairs.captions {
      let all = tokenizer.encode(caption)
      let kept = Array(all.prefix(slots - 1))
      let unused = slots - 1 - kept.count
      tokens.append(
        [tokenizer.none] + kept + Array(repeating: tokenizer.pad, count: unused))
      // The end of a caption that is cut off is not known.
      targets.append(
        kept + [kept.count == all.count ? tokenizer.pad : -1] + Array(repeating: -1, count: unused))
    }
    self.tokens = tokens
    self.targets = targets
  }

  /// The pairs of a step, drawn uniformly, with replacement.
  ///
  /// - Parameter samples: Frames of episodes in the step.
  func draw(besides samples: Int, using random: inout RandomSource) -> DrawnCaptions {
    let indices = (0..<settings.pairs(besides: samples)).map { _ in
      random.integer(below: pairs.count)
    }
    let total = indices.reduce(0) { $0 + targets[$1].count { $0 >= 0 } }
    return DrawnCaptions(
      inputs: self, indices: indices, samples: samples, weight: settings.weight,
      total: Float(total))
  }

  /// - Parameter indices: Of pairs.
  func batch(of indices: [Int]) -> CaptionBatch {
    var batch = CaptionBatch()
    batch.count = indices.count
    for index in indices {
      batch.tokens += tokens[index]
      batch.targets += targets[index]
    }
    batch.patches = ImagePatches.gathered(
      from: indices.map { inputs.source(pairs.images[$0][...], camera: 0) })
    return batch
  }
}

/// The image–text pairs of one step, which are dealt out to the slices of its frames.
struct DrawnCaptions: Sendable {
  fileprivate let inputs: CaptionInputs
  fileprivate let indices: [Int]
  fileprivate let samples: Int
  /// Of the caption loss.
  let weight: Float
  /// Places that predict a token, in all pairs.
  let total: Float

  /// The pairs that go with some frames; nil where none do.
  func batch(with frames: Range<Int>) -> CaptionBatch? {
    func first(_ frame: Int) -> Int { indices.count * frame / samples }
    let some = indices[first(frames.lowerBound)..<first(frames.upperBound)]
    return some.isEmpty ? nil : inputs.batch(of: Array(some))
  }
}

/// Image–text pairs, ready for a network.
struct CaptionBatch: Sendable {
  /// C
  var count = 0
  /// [C, K, p × p × 3], in [−1, 1]
  var patches: [Float] = []
  /// [C, S]: `<none>`, the caption's tokens, padding.
  var tokens: [Int32] = []
  /// The token that each place is to predict, [C, S]; −1 for nothing.
  var targets: [Int32] = []
}
