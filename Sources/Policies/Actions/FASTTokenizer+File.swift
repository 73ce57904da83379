import Foundation

/// `fast_tokenizer.json`: one line of JSON with sorted keys.
extension FASTTokenizer: Codable {
  private static let kind = "recap-fast-tokenizer"
  /// The only version so far.
  private static let version = 1

  private enum CodingKeys: String, CodingKey {
    case kind, version, chunkLength, actionWidth, scale, minimum, maximum, longest, merges
  }

  /// The file's bytes: the same for the same tokenizer.
  func serialized() throws(PolicyError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(self))
    } catch {
      throw .actionTokenizer("\(error)")
    }
  }

  /// - Throws: `PolicyError.actionTokenizer`, which names what is missing or out of range.
  init(parsing bytes: [UInt8]) throws(PolicyError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(bytes))
    } catch let error as PolicyError {
      throw error
    } catch DecodingError.keyNotFound(let key, _) {
      throw .actionTokenizer("'\(key.stringValue)' is missing")
    } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context)
    {
      let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
      throw .actionTokenizer("'\(path.joined(separator: "."))': \(context.debugDescription)")
    } catch {
      throw .actionTokenizer("not JSON: \(error)")
    }
  }

  func encode(to encoder: any Encoder) throws {
    var file = encoder.container(keyedBy: CodingKeys.self)
    try file.encode(Self.kind, forKey: .kind)
    try file.encode(Self.version, forKey: .version)
    try file.encode(chunkLength, forKey: .chunkLength)
    try file.encode(actionWidth, forKey: .actionWidth)
    try file.encode(scale, forKey: .scale)
    try file.encode(range.lowerBound, forKey: .minimum)
    try file.encode(range.upperBound, forKey: .maximum)
    try file.encode(longest, forKey: .longest)
    try file.encode(merges.pairs.map { [$0.left, $0.right] }, forKey: .merges)
  }

  init(from decoder: any Decoder) throws {
    let file = try decoder.container(keyedBy: CodingKeys.self)
    let kind = try file.decode(String.self, forKey: .kind)
    let version = try file.decode(Int.self, forKey: .version)
    guard kind == Self.kind, version == Self.version else {
      throw PolicyError.actionTokenizer(
        "expected a \(Self.kind) of version \(Self.version), got a \(kind) of version \(version)")
    }
    let minimum = try file.decode(Int32.self, forKey: .minimum)
    let maximum = try file.decode(Int32.self, forKey: .maximum)
    guard minimum <= maximum, Int(maximum) - Int(minimum) < 1 << 20 else {
      throw PolicyError.actionTokenizer("the range \(minimum)…\(maximum) is empty or too large")
    }
    let chunkLength = try file.decode(Int.self, forKey: .chunkLength)
    let actionWidth = try file.decode(Int.self, forKey: .actionWidth)
    guard (1...4096).contains(chunkLength), (1...4096).contains(actionWidth) else {
      throw PolicyError.actionTokenizer(
        "expected 1 to 4096 steps and dimensions, got \(chunkLength) × \(actionWidth)")
    }
    let longest = try file.decode(Int.self, forKey: .longest)
    guard (0...chunkLength * actionWidth).contains(longest) else {
      throw PolicyError.actionTokenizer(
        "longest: expected at most the \(chunkLength * actionWidth) coefficients of a chunk, got "
          + "\(longest)")
    }
    let merges = try file.decode([[Int32]].self, forKey: .merges)
    try self.init(
      chunkLength: chunkLength, actionWidth: actionWidth,
      scale: file.decode(Float.self, forKey: .scale), range: minimum...maximum, longest: longest,
      pairs: merges.enumerated().map { index, parts in
        guard parts.count == 2 else {
          throw PolicyError.actionTokenizer("merge \(index) has \(parts.count) parts, not 2")
        }
        return BytePairMerges.Pair(left: parts[0], right: parts[1])
      })
  }
}
