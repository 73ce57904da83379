import Episodes
import Tensors

/// `config.json`: what a model is and what it was made for.
struct ModelConfiguration<Settings: Codable & Sendable>: Codable, Sendable {
  /// "recap-policy" or "recap-value"
  var kind: String
  var version: Int
  var settings: Settings
  var embodiment: Embodiment
  var tasks: [TaskDescription]
}

/// The part of `config.json` that says how to read the rest.
private struct ModelHeader: Decodable {
  var kind: String
  var version: Int
}

/// A model's checkpoint, read but not yet built.
struct ModelFiles<Settings: Codable & Sendable> {
  var configuration: ModelConfiguration<Settings>
  var tokenizer: BytePairTokenizer
  var normalization: Normalization

  init(
    configuration: ModelConfiguration<Settings>, tokenizer: BytePairTokenizer,
    normalization: Normalization
  ) {
    self.configuration = configuration
    self.tokenizer = tokenizer
    self.normalization = normalization
  }

  /// - Throws: `PolicyError` for a missing or unreadable file, or a checkpoint of another kind or
  ///   version.
  init(_ checkpoint: CheckpointFiles, kind: String, version: Int) throws {
    // The header first: another kind's settings would fail with a message that helps nobody.
    let header = try checkpoint.decoded(CheckpointFiles.configuration, as: ModelHeader.self)
    guard header.kind == kind, header.version == version else {
      throw PolicyError.checkpoint(
        file: CheckpointFiles.configuration,
        reason: "expected a \(kind) of version \(version), got a \(header.kind) of version "
          + "\(header.version)")
    }
    configuration = try checkpoint.decoded(
      CheckpointFiles.configuration, as: ModelConfiguration<Settings>.self)
    tokenizer = try BytePairTokenizer(parsing: checkpoint.bytes(CheckpointFiles.tokenizer))
    normalization = try checkpoint.decoded(
      CheckpointFiles.statistics(of: configuration.embodiment.name), as: Normalization.self)
  }

  /// - Throws: `SafetensorsError` for a file that is not one, or a tensor that is missing or
  ///   misshapen.
  static func load(_ checkpoint: CheckpointFiles, into store: ParameterStore) throws {
    try store.load(SafetensorsFile(parsing: checkpoint.bytes(CheckpointFiles.weights)))
  }

  /// The files, with the weights of `store`.
  func checkpoint(of store: ParameterStore) throws -> CheckpointFiles {
    var checkpoint = CheckpointFiles(files: [:])
    try checkpoint.encode(configuration, as: CheckpointFiles.configuration)
    try checkpoint.encode(
      normalization, as: CheckpointFiles.statistics(of: configuration.embodiment.name))
    checkpoint.files[CheckpointFiles.tokenizer] = try tokenizer.serialized()
    var weights = SafetensorsFile()
    weights.metadata["format"] = configuration.kind
    store.store(into: &weights)
    checkpoint.files[CheckpointFiles.weights] = weights.serialized()
    return checkpoint
  }
}
