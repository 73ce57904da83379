import Tensors

/// Label sets as safetensors files. For the episode whose blob has digest D, of T steps:
///
///     D.value      F32  [T]
///     D.advantage  F32  [T]
///     D.positive   BOOL [T]
///
/// The header's metadata holds `format`, `version` and, under `labels`, `LabelSetMetadata` as JSON.
public enum LabelSetFile {
  static let format = "recap.labels"
  static let version = 1

  /// The label set's file: the same labels always give the same bytes.
  public static func serialize(_ labels: LabelSet) throws -> [UInt8] {
    var file = SafetensorsFile()
    try FileMetadata.write(
      labels.metadata, key: "labels", format: format, version: version, to: &file)
    for (digest, episode) in labels.episodes {
      try check(episode, of: digest)
      let shape = [episode.values.count]
      file.add("\(digest).value", shape: shape, floats: episode.values)
      file.add("\(digest).advantage", shape: shape, floats: episode.advantages)
      file.add("\(digest).positive", shape: shape, bools: episode.positives)
    }
    return file.serialized()
  }

  /// - Throws: `SafetensorsError` or `EpisodeError`, naming what was expected and what the bytes
  ///   hold.
  public static func parse(_ bytes: [UInt8]) throws -> LabelSet {
    let file = try SafetensorsFile(parsing: bytes)
    let metadata = try FileMetadata.read(
      LabelSetMetadata.self, key: "labels", format: format, version: version, from: file)
    var labels = LabelSet(metadata: metadata, episodes: [:])
    for name in file.names {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, ["value", "advantage", "positive"].contains(parts[1]),
        let digest = ContentDigest(rawValue: String(parts[0]))
      else {
        throw EpisodeError.malformed(
          "label tensor '\(name)': expected '<episode digest>.value', '.advantage' or '.positive'")
      }
      guard labels.episodes[digest] == nil else { continue }
      let episode = EpisodeLabels(
        values: try file.floats("\(digest).value"),
        advantages: try file.floats("\(digest).advantage"),
        positives: try file.bools("\(digest).positive"))
      try check(episode, of: digest)
      labels.episodes[digest] = episode
    }
    return labels
  }

  private static func check(_ episode: EpisodeLabels, of digest: ContentDigest) throws {
    let counts = [episode.values.count, episode.advantages.count, episode.positives.count]
    guard Set(counts).count == 1 else {
      throw EpisodeError.malformed(
        "labels of \(digest.short): expected equally many values, advantages and positives, "
          + "got \(counts)")
    }
    for (column, values) in [("value", episode.values), ("advantage", episode.advantages)] {
      if let step = values.firstIndex(where: { !$0.isFinite }) {
        throw EpisodeError.notFinite(column: "\(digest.short).\(column)", step: step)
      }
    }
  }
}
