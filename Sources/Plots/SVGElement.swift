/// Writes SVG elements as text, escaped.
enum SVGElement {
  /// `<name …/>`, or with contents between two tags.
  static func element(
    _ name: String, _ attributes: [(String, String)], contents: String? = nil
  ) -> String {
    let written = attributes.map { " \($0.0)=\"\(escaped($0.1))\"" }.joined()
    return contents.map { "<\(name)\(written)>\($0)</\(name)>\n" } ?? "<\(name)\(written)/>\n"
  }

  static func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String
  ) -> String {
    element(
      "line",
      [
        ("class", style), ("x1", number(x1)), ("y1", number(y1)), ("x2", number(x2)),
        ("y2", number(y2)),
      ])
  }

  /// - Parameter hint: Shown while the pointer rests on it.
  static func rectangle(
    x: Double, y: Double, width: Double, height: Double, style: String, hint: String? = nil
  ) -> String {
    element(
      "rect",
      [
        ("class", style), ("x", number(x)), ("y", number(y)), ("width", number(max(width, 0))),
        ("height", number(max(height, 0))),
      ], contents: hint.map(title))
  }

  enum Anchor: String { case start, middle, end }

  /// A line of text; `y` is its baseline.
  static func text(
    _ text: String, x: Double, y: Double, anchor: Anchor = .start, style: String? = nil,
    turned degrees: Double? = nil
  ) -> String {
    var attributes: [(String, String)] = []
    if let style { attributes.append(("class", style)) }
    attributes += [("x", number(x)), ("y", number(y))]
    if anchor != .start { attributes.append(("text-anchor", anchor.rawValue)) }
    if let degrees {
      attributes.append(("transform", "rotate(\(number(degrees)) \(number(x)) \(number(y)))"))
    }
    return element("text", attributes, contents: escaped(text))
  }

  static func title(_ text: String) -> String { "<title>\(escaped(text))</title>" }

  /// At most two digits after the point.
  static func number(_ value: Double) -> String {
    let rounded = (value * 100).rounded() / 100
    guard rounded.isFinite, abs(rounded) < 1e9 else { return "0" }
    return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
  }

  /// Text as XML wants it; control characters, which XML cannot hold, become spaces.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
        result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
