import Foundation

extension String {
  enum Alignment { case left, right }

  /// Filled with spaces to `width` characters, or cut to it.
  func padded(to width: Int, alignment: Alignment = .left) -> String {
    let missing = width - count
    guard missing > 0 else { return truncated(to: width) }
    let spaces = String(repeating: " ", count: missing)
    return alignment == .left ? self + spaces : spaces + self
  }

  /// At most `width` characters, the last an ellipsis where something was cut.
  func truncated(to width: Int) -> String {
    count <= width ? self : String(prefix(max(0, width - 1))) + "…"
  }
}

/// A number with a fixed count of digits after the point, whatever the system's locale.
package func decimal(_ value: Double, digits: Int) -> String {
  String(format: "%.\(digits)f", value)
}

/// "211.6 ± 5.3"
package func measured(_ value: Double, _ error: Double) -> String {
  decimal(value, digits: 1) + " ± " + decimal(error, digits: 1)
}

/// JSON for people and programs: keys sorted, two spaces an indentation, times as in
/// "2026-01-31T12:00:00Z".
package func jsonText(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.dateEncodingStrategy = .iso8601
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// A number with four significant digits.
func significant(_ value: Double) -> String { String(format: "%.4g", value) }

/// Rows of cells as lines in aligned columns, two spaces apart.
///
/// - Parameter left: The columns whose cells begin at the left; the others end at the right.
package func aligned(_ rows: [[String]], left: Set<Int>) -> String {
  let columns = rows.first?.indices ?? 0..<0
  let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    let cells = columns.map { column in
      row[column].padded(to: widths[column], alignment: left.contains(column) ? .left : .right)
    }
    var line = cells.joined(separator: "  ")
    while line.last == " " { line.removeLast() }
    return line + "\n"
  }.joined()
}
