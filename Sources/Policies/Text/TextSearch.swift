/// Greedy writing among known texts: at every place, each sample takes the likeliest of the tokens
/// with which one of its remaining texts goes on.
///
/// A place where only one text is left costs nothing: the search ends as soon as every sample's
/// text is decided.
struct TextSearch {
  private let choices: [[[Int32]]]
  private let begin: Int32
  private let end: Int32
  /// By sample, the places of the texts that still fit.
  private var remaining: [[Int]]
  /// Tokens chosen so far.
  private(set) var length = 0

  /// - Parameters:
  ///   - choices: By sample, its texts as tokens; at least one each.
  ///   - begin: The token that is read before a text.
  ///   - end: The token that is chosen behind one.
  init(_ choices: [[[Int32]]], begin: Int32, end: Int32) {
    self.choices = choices
    self.begin = begin
    self.end = end
    remaining = choices.map { Array($0.indices) }
  }

  /// The tokens to read next, one a sample: the one that begins a text, then the last one chosen.
  /// nil where all texts are decided.
  var nextInputs: [Int32]? {
    guard remaining.contains(where: { $0.count > 1 }) else { return nil }
    return choices.indices.map { sample in
      length == 0 ? begin : token(length - 1, of: remaining[sample][0], sample)
    }
  }

  /// Takes each sample's likeliest next token.
  ///
  /// - Parameter logits: [samples, vocabulary]
  mutating func choose(logits: [Float]) {
    let vocabulary = logits.count / choices.count
    for sample in choices.indices where remaining[sample].count > 1 {
      let row = sample * vocabulary
      let best = remaining[sample].map { token(length, of: $0, sample) }
        .max { logits[row + Int($0)] < logits[row + Int($1)] }
      remaining[sample] = remaining[sample].filter { token(length, of: $0, sample) == best }
      // Texts that end here alike are one text.
      if best == end { remaining[sample] = [remaining[sample][0]] }
    }
    length += 1
  }

  /// By sample, the place of the chosen text among its choices.
  var results: [Int] { remaining.map { $0[0] } }

  /// A text's token, or what ends it.
  private func token(_ place: Int, of text: Int, _ sample: Int) -> Int32 {
    let tokens = choices[sample][text]
    return place < tokens.count ? tokens[place] : end
  }
}
