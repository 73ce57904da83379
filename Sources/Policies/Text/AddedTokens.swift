/// Tokens that are found in a text by their spelling, before anything else happens to it.
struct AddedTokens: Equatable, Sendable {
  struct Token: Equatable, Sendable {
    var id: Int32
    /// Its spelling, UTF-8, at least one byte.
    var content: [UInt8]
    /// Decoding leaves special tokens out.
    var isSpecial = true
    /// Hugging Face looks for the tokens that are not normalised first, for the others in what is
    /// left.
    var isNormalized = false
    /// Whether the model's vocabulary holds it too.
    var isInVocabulary = true
  }

  enum Piece {
    case text(ArraySlice<UInt8>)
    case token(Int32)
  }

  /// In the order of the file.
  let tokens: [Token]
  /// Tokens that are looked for together, the longest first, by their first byte.
  private let passes: [[UInt8: [Token]]]

  init(_ tokens: [Token]) {
    self.tokens = tokens
    passes = [false, true].map { isNormalized in
      Dictionary(grouping: tokens.filter { $0.isNormalized == isNormalized }) { $0.content[0] }
        .mapValues { $0.sorted { $0.content.count > $1.content.count } }
    }
    .filter { !$0.isEmpty }
  }

  /// Cuts a text at its added tokens: the leftmost first, of several there the longest.
  func pieces(of text: ArraySlice<UInt8>) -> [Piece] {
    var pieces = text.isEmpty ? [] : [Piece.text(text)]
    for pass in passes {
      pieces = pieces.flatMap { piece in
        switch piece {
        case .token: [piece]
        case .text(let text): Self.pieces(of: text, at: pass)
        }
      }
    }
    return pieces
  }

  private static func pieces(of text: ArraySlice<UInt8>, at tokens: [UInt8: [Token]]) -> [Piece] {
    var pieces: [Piece] = []
    var start = text.startIndex
    var index = start
    while index < text.endIndex {
      let found = tokens[text[index]]?.first { text[index...].starts(with: $0.content) }
      guard let found else {
        index += 1
        continue
      }
      if start < index { pieces.append(.text(text[start..<index])) }
      pieces.append(.token(found.id))
      index += found.content.count
      start = index
    }
    if start < text.endIndex { pieces.append(.text(text[start...])) }
    return pieces
  }
}
