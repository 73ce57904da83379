/// Words as a shell reads them.
package enum Shell {
  /// `text` as one word of a command line, quoted where it must be.
  package static func word(_ text: String) -> String {
    let harmless = text.allSatisfy { character in
      character.isASCII
        && (character.isLetter || character.isNumber || "._-/=:,+@%".contains(character))
    }
    return harmless && !text.isEmpty ? text : "'\(text.replacing("'", with: "'\\''"))'"
  }
}
