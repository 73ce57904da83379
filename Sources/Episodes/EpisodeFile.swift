import Foundation
import Tensors

/// Episodes as safetensors files with LeRobot's names, which any Python user can open:
///
///     observation.state              F32 [T, P]
///     observation.environment_state  F32 [T, E]        where recorded
///     observation.images.<camera>    U8  [T, H, W, 3]  where recorded
///     action                         F32 [T, A]
///     intervention                   BOOL [T]
///     subtask_index                  I32 [T]           −1 where unknown
///     policy_action                  F32 [T, A]        where known of any step: beside a person's action
///                                                      the policy's own, else zeros
///     policy_action_known            BOOL [T]          with `policy_action`
///
/// The header's metadata holds `format`, `version` and, under `episode`, `EpisodeMetadata` as JSON.
public enum EpisodeFile {
  static let format = "recap.episode"
  static let version = 1

  /// The episode's file: the same episode always gives the same bytes, and so the same digest.
  ///
  /// - Throws: `EpisodeError.malformed` for an episode without steps.
  public static func serialize(_ episode: Episode) throws -> [UInt8] {
    let metadata = episode.metadata
    let embodiment = metadata.embodiment
    let count = episode.count
    guard count > 0 else { throw EpisodeError.malformed("'\(metadata.id)' has no steps") }
    var file = SafetensorsFile()
    try FileMetadata.write(metadata, key: "episode", format: format, version: version, to: &file)
    file.add(
      "observation.state", shape: [count, embodiment.proprioceptionWidth],
      floats: episode.proprioception)
    if metadata.recordsEnvironmentState {
      file.add(
        "observation.environment_state", shape: [count, embodiment.environmentStateWidth],
        floats: episode.environmentState)
    }
    for (camera, frames) in zip(embodiment.cameras, episode.images) {
      file.add(
        "observation.images.\(camera.name)", shape: [count, camera.height, camera.width, 3],
        bytes: frames)
    }
    file.add("action", shape: [count, embodiment.actionWidth], floats: episode.actions)
    file.add("intervention", shape: [count], bools: episode.interventions)
    file.add("subtask_index", shape: [count], int32s: episode.subtasks)
    if let proposals = episode.proposals {
      file.add(
        "policy_action", shape: [count, embodiment.actionWidth], floats: proposals.actions)
      file.add("policy_action_known", shape: [count], bools: proposals.isKnown)
    }
    return file.serialized()
  }

  /// Reads an episode and checks all of it: widths, lengths, finiteness, subtasks.
  ///
  /// - Throws: `SafetensorsError` or `EpisodeError`, naming what was expected and what the bytes
  ///   hold.
  public static func parse(_ bytes: [UInt8]) throws -> Episode {
    let file = try SafetensorsFile(parsing: bytes)
    let metadata = try FileMetadata.read(
      EpisodeMetadata.self, key: "episode", format: format, version: version, from: file)
    let embodiment = metadata.embodiment
    let count = try file.shape(of: "intervention").first ?? 0
    let interventions = try file.bools("intervention", shape: [count])
    let images = try (metadata.recordsImages ? embodiment.cameras : []).map { camera in
      try file.bytes(
        "observation.images.\(camera.name)", shape: [count, camera.height, camera.width, 3])
    }
    return try Episode(
      metadata: metadata, count: count,
      proprioception: file.floats(
        "observation.state", shape: [count, embodiment.proprioceptionWidth]),
      environmentState: metadata.recordsEnvironmentState
        ? file.floats(
          "observation.environment_state", shape: [count, embodiment.environmentStateWidth]) : [],
      images: images,
      actions: file.floats("action", shape: [count, embodiment.actionWidth]),
      interventions: interventions,
      subtasks: file.int32s("subtask_index", shape: [count]),
      proposals: file.contains("policy_action")
        ? Episode.Proposals(
          actions: file.floats("policy_action", shape: [count, embodiment.actionWidth]),
          isKnown: file.bools("policy_action_known", shape: [count])) : nil)
  }
}

/// What both file formats keep in a safetensors header: a format's name, its version and one JSON
/// document.
enum FileMetadata {
  static func write(
    _ value: some Encodable, key: String, format: String, version: Int,
    to file: inout SafetensorsFile
  ) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    file.metadata["format"] = format
    file.metadata["version"] = "\(version)"
    file.metadata[key] = String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  static func read<Value: Decodable>(
    _: Value.Type, key: String, format: String, version: Int, from file: SafetensorsFile
  ) throws -> Value {
    let actual = (try file.metadata("format"), try file.metadata("version"))
    guard actual == (format, "\(version)") else {
      throw EpisodeError.malformed(
        "expected format '\(format)' version \(version), got '\(actual.0)' version \(actual.1)")
    }
    do {
      return try JSONDecoder().decode(Value.self, from: Data(try file.metadata(key).utf8))
    } catch let error as DecodingError {
      throw EpisodeError.malformed("metadata '\(key)': \(error)")
    }
  }
}
