import Foundation

/// A checkpoint as named files, wherever they are stored.
///
/// `model.safetensors` weights · `config.json` architecture, embodiment, tasks · `tokenizer.json`
/// in Hugging Face's layout · `fast_tokenizer.json` of a policy's action tokens ·
/// `assets/<embodiment>/norm_stats.json` in openpi's layout.
public struct CheckpointFiles: Sendable, Equatable {
  /// Contents by relative path.
  public var files: [String: [UInt8]]

  public init(files: [String: [UInt8]]) { self.files = files }

  static let weights = "model.safetensors"
  static let configuration = "config.json"
  static let tokenizer = "tokenizer.json"
  static let actionTokenizer = "fast_tokenizer.json"

  static func statistics(of embodiment: String) -> String {
    "assets/\(embodiment)/norm_stats.json"
  }

  func bytes(_ name: String) throws(PolicyError) -> [UInt8] {
    guard let bytes = files[name] else {
      throw .checkpoint(
        file: name,
        reason: "missing; the checkpoint holds \(files.keys.sorted().joined(separator: ", "))")
    }
    return bytes
  }

  func decoded<Value: Decodable>(_ name: String, as type: Value.Type) throws(PolicyError) -> Value {
    let bytes = try bytes(name)
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw .checkpoint(file: name, reason: "\(error)")
    }
  }

  mutating func encode(_ value: some Encodable, as name: String) throws(PolicyError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      files[name] = Array(try encoder.encode(value))
    } catch {
      throw .checkpoint(file: name, reason: "\(error)")
    }
  }
}
