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
func decimal(_ value: Double, digits: Int) -> String {
  String(format: "%.\(digits)f", value)
}

/// A number with four significant digits.
func significant(_ value: Double) -> String { String(format: "%.4g", value) }
