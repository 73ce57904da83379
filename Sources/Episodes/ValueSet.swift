import Tensors

/// The values that one job estimated for a part of a dataset, with what labelling needs to know of
/// the episodes besides, so that whoever labels need not read them again.
public struct ValueSet: Sendable, Equatable {
  public var provenance: Provenance
  /// By the episode blob's digest.
  public var episodes: [ContentDigest: EpisodeValues]

  /// What made it.
  public struct Provenance: Codable, Hashable, Sendable {
    public var job: String
    /// The value function's checkpoint.
    public var value: ContentDigest

    public init(job: String, value: ContentDigest) {
      self.job = job
      self.value = value
    }
  }

  public init(provenance: Provenance, episodes: [ContentDigest: EpisodeValues]) {
    self.provenance = provenance
    self.episodes = episodes
  }
}

/// One episode's values, one a step, and who acted.
public struct EpisodeValues: Sendable, Equatable {
  public var episode: Description
  /// V(o_t), [T], in [−1, 0].
  public var values: [Float]
  /// Whether a person chose the action, [T].
  public var interventions: [Bool]

  /// What the episode's own metadata say.
  public struct Description: Codable, Hashable, Sendable {
    public var id: String
    /// The task's name.
    public var task: String
    /// L, the task's time limit in steps.
    public var maximumSteps: Int
    public var source: EpisodeSource
    /// As it was recorded, whatever people have said of it since.
    public var outcome: Outcome

    public init(
      id: String, task: String, maximumSteps: Int, source: EpisodeSource, outcome: Outcome
    ) {
      self.id = id
      self.task = task
      self.maximumSteps = maximumSteps
      self.source = source
      self.outcome = outcome
    }
  }

  public init(episode: Description, values: [Float], interventions: [Bool]) {
    self.episode = episode
    self.values = values
    self.interventions = interventions
  }

  /// Keeps what labelling needs of an episode.
  ///
  /// - Parameter values: V(o_t), one a step, in [−1, 0].
  public init(of episode: Episode, values: [Float]) {
    let metadata = episode.metadata
    self.init(
      episode: Description(
        id: metadata.id, task: metadata.task.name, maximumSteps: metadata.task.maximumSteps,
        source: metadata.source, outcome: metadata.outcome),
      values: values, interventions: episode.interventions)
  }
}

/// Value sets as safetensors files. For the episode whose blob has digest D, of T steps:
///
///     D.value         F32  [T]
///     D.intervention  BOOL [T]
///
/// The header's metadata holds `format`, `version` and, under `values`, JSON: `provenance` and
/// `episodes`, an `EpisodeValues.Description` by digest.
public enum ValueSetFile {
  static let format = "recap.values"
  static let version = 1

  private struct Header: Codable {
    var provenance: ValueSet.Provenance
    var episodes: [ContentDigest: EpisodeValues.Description]
  }

  /// The value set's file: the same values always give the same bytes.
  public static func serialize(_ values: ValueSet) throws -> [UInt8] {
    var file = SafetensorsFile()
    try FileMetadata.write(
      Header(
        provenance: values.provenance, episodes: values.episodes.mapValues(\.episode)),
      key: "values", format: format, version: version, to: &file)
    for (digest, episode) in values.episodes {
      try check(episode, of: digest)
      file.add("\(digest).value", shape: [episode.values.count], floats: episode.values)
      file.add(
        "\(digest).intervention", shape: [episode.values.count], bools: episode.interventions)
    }
    return file.serialized()
  }

  /// - Throws: `SafetensorsError` or `EpisodeError`, naming what was expected and what the bytes
  ///   hold.
  public static func parse(_ bytes: [UInt8]) throws -> ValueSet {
    let file = try SafetensorsFile(parsing: bytes)
    let header = try FileMetadata.read(
      Header.self, key: "values", format: format, version: version, from: file)
    var values = ValueSet(provenance: header.provenance, episodes: [:])
    for (digest, description) in header.episodes {
      let episode = EpisodeValues(
        episode: description, values: try file.floats("\(digest).value"),
        interventions: try file.bools("\(digest).intervention"))
      try check(episode, of: digest)
      values.episodes[digest] = episode
    }
    return values
  }

  private static func check(_ episode: EpisodeValues, of digest: ContentDigest) throws {
    guard episode.values.count == episode.interventions.count else {
      throw EpisodeError.malformed(
        "values of \(digest.short): expected as many values as interventions, "
          + "got \(episode.values.count) and \(episode.interventions.count)")
    }
    if let step = episode.values.firstIndex(where: { !$0.isFinite }) {
      throw EpisodeError.notFinite(column: "\(digest.short).value", step: step)
    }
  }
}
