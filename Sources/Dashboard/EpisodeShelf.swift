import Configuration
import EpisodeStorage
import Episodes
import Executors
import HTTPService
import ImageFiles
import Monitoring
import RecapAlgorithm

/// V over an episode that no label set holds, from a value function of the run; nil where there is none yet.
public typealias EpisodeValuation =
  @Sendable (EpisodeRow, Episode) async throws -> (values: [Float], origin: String)?

/// Episodes and label sets that somebody looks at: a player asks for the same ones again and again.
///
/// On a thread of its own, since labelling on trial takes its time, and the pool belongs to the run.
actor EpisodeShelf {
  private let archive: ArchiveReader
  private let valuation: EpisodeValuation
  private let executor = ThreadExecutor(name: "dashboard")
  private var episodes: [(digest: ContentDigest, episode: Episode)] = []
  private var labelSets: [(digest: ContentDigest, labels: LabelSet)] = []
  private var valued: (key: String, episodes: [Labelling.ValuedEpisode])?

  private static let keptEpisodes = 3
  private static let keptLabelSets = 2

  init(archive: ArchiveReader, valuation: @escaping EpisodeValuation) {
    self.archive = archive
    self.valuation = valuation
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// - Throws: `HTTPFailure` for an unknown id.
  func episode(_ id: String) async throws -> (row: EpisodeRow, episode: Episode) {
    // The row is read anew: what people say of an episode changes.
    guard let row = try await archive.episode(id: id) else {
      throw HTTPFailure(404, "there is no episode '\(id)'")
    }
    if let known = episodes.first(where: { $0.digest == row.digest }) {
      return (row, known.episode)
    }
    let episode = try await archive.contents(of: row)
    episodes.insert((row.digest, episode), at: 0)
    if episodes.count > Self.keptEpisodes { episodes.removeLast() }
    return (row, episode)
  }

  private func labels(_ set: LabelSetRow) async throws -> LabelSet {
    if let known = labelSets.first(where: { $0.digest == set.digest }) { return known.labels }
    let labels = try await archive.labels(set)
    labelSets.insert((set.digest, labels), at: 0)
    if labelSets.count > Self.keptLabelSets { labelSets.removeLast() }
    return labels
  }

  /// What there is to show of an episode.
  func view(_ id: String, labelSets sets: [LabelSetRow]) async throws -> EpisodeView {
    let (row, episode) = try await episode(id)
    // Evaluations are never labelled; other episodes stand in their task's sets from their own iteration on.
    if row.source != .evaluation {
      for set in sets.reversed() where set.metadata.tasks[row.task] != nil {
        if let labels = try await labels(set).episodes[row.digest] {
          return EpisodeView(
            row, episode, values: labels.values, labels: labels,
            threshold: set.metadata.tasks[row.task]?.threshold,
            origin: "label set \(set.metadata.job)")
        }
      }
    }
    do {
      let found = try await valuation(row, episode)
      return EpisodeView(
        row, episode, values: found?.values, labels: nil, threshold: nil, origin: found?.origin)
    } catch {
      // A checkpoint of another version, for example: the episode can be looked at without.
      var view = EpisodeView(
        row, episode, values: nil, labels: nil, threshold: nil, origin: nil)
      view.missing = "\(error)"
      return view
    }
  }

  /// Frames of a camera in a grid of eight columns, row by row, as one PNG.
  ///
  /// - Throws: `HTTPFailure` for frames that the episode does not have.
  func film(_ id: String, camera: Int, first: Int, count: Int) async throws -> [UInt8] {
    let (row, episode) = try await episode(id)
    guard episode.images.indices.contains(camera), first >= 0, first < row.steps,
      (1...128).contains(count)
    else {
      throw HTTPFailure(
        404,
        "episode '\(id)' has \(row.steps) steps and \(episode.images.count) cameras with frames, "
          + "asked for \(count) from \(first) of camera \(camera)")
    }
    let size = episode.metadata.embodiment.cameras[camera]
    return try FilmStrip.grid(
      frames: (first..<min(first + count, row.steps)).map { episode.frame(of: camera, at: $0) },
      width: size.width, height: size.height
    ).png()
  }

  /// What labelling with other settings would give.
  ///
  /// - Throws: `HTTPFailure` where the set holds no episode of the task.
  func preview(
    _ task: String, _ set: LabelSetRow, of configuration: RunConfiguration,
    positiveShare: Double?, lookahead: Int??
  ) async throws -> LabelPreview {
    try LabelPreview(
      of: try await valued(task, set), task: task, in: set, of: configuration,
      positiveShare: positiveShare, lookahead: lookahead, bins: 40)
  }

  /// How well the value function behind a label set does on the episodes that it labelled.
  func quality(
    _ task: String, _ set: LabelSetRow, failureCost: Double?
  ) async throws -> ValueQuality? {
    ValueQuality(of: try await valued(task, set), task: task, failureCost: failureCost)
  }

  /// A task's episodes with the values of a label set; at least one.
  private func valued(_ task: String, _ set: LabelSetRow) async throws -> [Labelling.ValuedEpisode]
  {
    let key = "\(set.digest)/\(task)"
    if let valued, valued.key == key { return valued.episodes }
    let episodes = try await archive.valuedEpisodes(of: task, in: try await labels(set))
    guard !episodes.isEmpty else {
      throw HTTPFailure(404, "\(set.metadata.job) holds no episode of \(task)")
    }
    valued = (key, episodes)
    return episodes
  }
}

/// Frames side by side.
enum FilmStrip {
  static let columns = 8

  /// - Parameter frames: At least one, each [height, width, 3].
  static func grid(frames: [ArraySlice<UInt8>], width: Int, height: Int) -> RGBImage {
    let columns = min(columns, frames.count)
    let rows = (frames.count + columns - 1) / columns
    let (line, wide) = (width * 3, columns * width * 3)
    var bytes = [UInt8](repeating: 0, count: rows * height * wide)
    for (place, frame) in frames.enumerated() {
      let corner = place / columns * height * wide + place % columns * line
      for y in 0..<height {
        let from = frame.startIndex + y * line
        bytes.replaceSubrange(
          corner + y * wide..<corner + y * wide + line, with: frame[from..<from + line])
      }
    }
    return RGBImage(width: columns * width, height: rows * height, bytes: bytes)
  }
}
