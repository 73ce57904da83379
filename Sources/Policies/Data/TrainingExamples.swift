import Episodes
import Tensors

/// A dataset as a flat list of frames, from which batches are drawn uniformly.
///
/// Frame `f` is step `f − starts[e]` of episode `e`, episodes one after the other.
public struct TrainingExamples: Sendable {
  /// In the dataset's order; all of one embodiment.
  public let episodes: [Episode]
  /// Whether each frame's action counts as better than usual, [frames]. Without labels every frame
  /// does.
  let positives: [Bool]
  /// Each frame's advantage, [frames]; nil where an episode has no labels.
  let advantages: [Float]?
  /// The first frame of each episode, and the number of frames at the end.
  let starts: [Int]

  /// Frames in all.
  public var count: Int { starts[episodes.count] }

  /// - Parameters:
  ///   - episodes: At least one, all of one embodiment, each of at least one step.
  ///   - labels: One entry an episode; nil for an episode whose indicator is always positive (the
  ///     SFT stage).
  /// - Throws: `PolicyError.examples` where the two do not fit together.
  public init(episodes: [Episode], labels: [EpisodeLabels?]) throws(PolicyError) {
    guard let embodiment = episodes.first?.metadata.embodiment else {
      throw .examples("the dataset holds no episodes")
    }
    guard labels.count == episodes.count else {
      throw .examples("\(episodes.count) episodes came with labels for \(labels.count)")
    }
    var starts = [0]
    var positives: [Bool] = []
    var advantages: [Float]? = []
    for (episode, labels) in zip(episodes, labels) {
      let id = episode.metadata.id
      guard episode.metadata.embodiment == embodiment else {
        throw .examples("episode \(id) is of another embodiment than the first one")
      }
      guard episode.count > 0 else { throw .examples("episode \(id) holds no steps") }
      if let labels, labels.positives.count != episode.count {
        throw .examples(
          "episode \(id) has \(episode.count) steps, its labels \(labels.positives.count)")
      }
      if let labels { advantages?.append(contentsOf: labels.advantages) } else { advantages = nil }
      positives += labels?.positives ?? Array(repeating: true, count: episode.count)
      starts.append(starts[starts.count - 1] + episode.count)
    }
    self.episodes = episodes
    self.positives = positives
    self.advantages = advantages
    self.starts = starts
  }

  /// Frames to measure on, always the same: at most 512, evenly spread, a batch at a time.
  func validationBatches() -> [[Int]] {
    let size = min(count, 512)
    let frames = (0..<size).map { $0 * count / size }
    return stride(from: 0, to: size, by: 128).map { Array(frames[$0..<min($0 + 128, size)]) }
  }

  /// Draws frames uniformly, with replacement.
  func sample(_ size: Int, using random: inout RandomSource) -> [Int] {
    (0..<size).map { _ in random.integer(below: count) }
  }

  /// The episode of a frame.
  func episode(ofFrame frame: Int) -> Int {
    var low = 0
    var high = episodes.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if starts[middle] <= frame { low = middle } else { high = middle - 1 }
    }
    return low
  }
}
