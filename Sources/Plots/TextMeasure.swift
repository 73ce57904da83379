/// How wide text will be, about: whoever shows an SVG chooses the font, so this goes by a wide one
/// (DejaVu Sans), and what fits by this measure fits in others.
enum TextMeasure {
  /// Pixels, at a font size in pixels.
  static func width(of text: String, size: Double, bold: Bool = false) -> Double {
    text.reduce(0) { $0 + advance(of: $1) } * size * (bold ? 1.1 : 1)
  }

  /// Advance widths in units of the font size.
  private static func advance(of character: Character) -> Double {
    switch character {
    case "i", "j", "l", "'", "|": 0.28
    case " ", ".", ",", ":", ";", "/", "!", "I", "[", "]", "·": 0.33
    case "f", "t", "r", "(", ")", "-": 0.40
    case "m", "M", "W", "w", "%", "@": 0.95
    case "−", "+", "×", "=", "<", ">", "±", "–": 0.84
    case "—", "…": 1
    case "0"..."9": 0.64
    case let letter where letter.isUppercase: 0.72
    case let letter where letter.isASCII: 0.61
    // Full-width scripts, and whatever else is not known.
    case let letter where letter.unicodeScalars.contains { $0.value > 0x2E7F }: 1
    default: 0.65
    }
  }

  /// The text in lines that are no wider than `width`, broken at spaces; a longer word stands alone.
  static func lines(_ text: String, width: Double, size: Double, bold: Bool = false) -> [String] {
    var lines: [String] = []
    for word in text.split(whereSeparator: \.isWhitespace) {
      if let last = lines.last,
        case let joined = "\(last) \(word)",
        self.width(of: joined, size: size, bold: bold) <= width
      {
        lines[lines.count - 1] = joined
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }

  /// The text, or its beginning and an ellipsis where it is wider than `width`.
  static func shortened(_ text: String, width: Double, size: Double) -> String {
    guard self.width(of: text, size: size) > width else { return text }
    var start = text
    while !start.isEmpty, self.width(of: start + "…", size: size) > width { start.removeLast() }
    return start + "…"
  }
}
