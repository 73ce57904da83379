import Foundation

/// Maps an axis' numbers to pixels, linearly.
struct Scale {
  let domain: ClosedRange<Double>
  /// Where the domain's ends lie; the first is below the second for y, since SVG counts downwards.
  let pixels: (lower: Double, upper: Double)

  func callAsFunction(_ value: Double) -> Double {
    let share = (value - domain.lowerBound) / (domain.upperBound - domain.lowerBound)
    return pixels.lower + share * (pixels.upper - pixels.lower)
  }

  /// The pixel of a value, or of the end that it lies beyond.
  func clamped(_ value: Double) -> Double {
    self(min(max(value, domain.lowerBound), domain.upperBound))
  }
}

/// Round numbers along an axis.
enum Ticks {
  /// The smallest of 1, 2, 5 × 10ⁿ that divides a span into at most `count` parts.
  ///
  /// - Parameters:
  ///   - span: > 0.
  ///   - integral: Whether steps below 1 make no sense.
  static func step(span: Double, count: Int, integral: Bool) -> Double {
    let rough = span / Double(max(count, 1))
    let power = pow(10, floor(log10(rough)))
    // A little tolerance: 0.30000000000000004 is 3 × 0.1.
    let step = [1, 2, 5, 10].first { $0 * power >= rough * (1 - 1e-9) }! * power
    return integral ? max(step, 1) : step
  }

  /// The multiples of `step` in a range.
  static func values(in range: ClosedRange<Double>, step: Double) -> [Double] {
    let first = (range.lowerBound / step - 1e-6).rounded(.up)
    let last = (range.upperBound / step + 1e-6).rounded(.down)
    guard first <= last, last - first < 1000 else { return [] }
    return stride(from: first, through: last, by: 1).map { $0 == 0 ? 0 : $0 * step }
  }

  /// A tick's text, with the digits that its step needs.
  ///
  /// - Parameter grouped: Whether thousands are parted by commas from 1,000 on, as beside larger ticks.
  static func label(_ value: Double, step: Double, grouped: Bool = false) -> String {
    let magnitude = abs(value)
    if magnitude >= 1e7 || (step < 1e-4 && value != 0) { return scientific(value, step: step) }
    let digits = step >= 1 ? 0 : Int((-log10(step) - 1e-9).rounded(.up))
    return decimal(value, digits: digits, grouped: grouped)
  }

  /// A number with so many digits after the point, a true minus sign and commas between thousands
  /// from 10,000, or from 1,000.
  static func decimal(_ value: Double, digits: Int, grouped: Bool = false) -> String {
    let text = String(format: "%.\(digits)f", abs(value))
    let isZero = !text.contains { ("1"..."9").contains($0) }
    var parts = text.split(separator: ".").map(String.init)
    if parts[0].count > (grouped ? 3 : 4) {
      var grouped = ""
      for (place, digit) in parts[0].enumerated() {
        if place > 0, (parts[0].count - place).isMultiple(of: 3) { grouped += "," }
        grouped.append(digit)
      }
      parts[0] = grouped
    }
    return (value < 0 && !isZero ? "−" : "") + parts.joined(separator: ".")
  }

  private static func scientific(_ value: Double, step: Double) -> String {
    guard value != 0 else { return "0" }
    let exponent = Int(floor(log10(abs(value)) + 1e-9))
    let digits = max(0, exponent - Int(floor(log10(step) + 1e-9)))
    let superscripts = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    let raised = String(abs(exponent)).compactMap(\.wholeNumberValue).map { superscripts[$0] }
    return decimal(value / pow(10, Double(exponent)), digits: digits)
      + "×10" + (exponent < 0 ? "⁻" : "") + String(raised)
  }
}
