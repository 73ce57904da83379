/// GPT-2's way to cut a text into words, which then are encoded one by one:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
///
/// Written out by hand, because libraries of regular expressions differ in what a letter or a space
/// is.
enum WordSplit {
  private enum Kind {
    case letter, number, space, other

    init(_ scalar: Unicode.Scalar) {
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
        self = .letter
      case .decimalNumber, .letterNumber, .otherNumber: self = .number
      default: self = scalar.properties.isWhitespace ? .space : .other
      }
    }
  }

  /// The words of `text`, which together are the text.
  ///
  /// - Parameter text: UTF-8.
  static func words(of text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    let scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
    let kinds = scalars.map { Kind($0) }
    var words: [ArraySlice<UInt8>] = []
    var start = 0
    var place = text.startIndex
    while start < scalars.count {
      let end = wordEnd(from: start, scalars, kinds)
      let next = scalars[start..<end].reduce(place) { $0 + UTF8.width($1) }
      words.append(text[place..<next])
      place = next
      start = end
    }
    return words
  }

  private static func wordEnd(from start: Int, _ scalars: [Unicode.Scalar], _ kinds: [Kind]) -> Int
  {
    if let end = contractionEnd(from: start, scalars) { return end }
    // ` ?` and a run of one kind
    let takesSpace = scalars[start] == " " && start + 1 < kinds.count
    let first = takesSpace ? start + 1 : start
    if kinds[first] != .space { return runEnd(from: first, kinds) }
    let end = runEnd(from: start, kinds)
    // `\s+(?!\S)`: the last space before a word is left to it. `\s+`: unless it is the only one.
    return end < kinds.count && end - start > 1 ? end - 1 : end
  }

  private static func runEnd(from start: Int, _ kinds: [Kind]) -> Int {
    kinds[start...].firstIndex { $0 != kinds[start] } ?? kinds.count
  }

  private static func contractionEnd(from start: Int, _ scalars: [Unicode.Scalar]) -> Int? {
    guard scalars[start] == "'", start + 1 < scalars.count else { return nil }
    let second: Unicode.Scalar
    switch scalars[start + 1] {
    case "s", "t", "m", "d": return start + 2
    case "r", "v": second = "e"
    case "l": second = "l"
    default: return nil
    }
    return start + 2 < scalars.count && scalars[start + 2] == second ? start + 3 : nil
  }
}

extension UTF8 {
  /// Bytes of a scalar.
  fileprivate static func width(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case ..<0x80: 1
    case ..<0x800: 2
    case ..<0x1_0000: 3
    default: 4
    }
  }
}
