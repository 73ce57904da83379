import Foundation

/// A chart in words, for whoever cannot see it.
struct ChartDescription {
  let text: String

  init(_ chart: Chart) {
    var sentences = chart.subtitle.map { [$0.hasSuffix(".") ? $0 : $0 + "."] } ?? []
    for (name, axis) in [("Horizontal", chart.x), ("Vertical", chart.y)] where !axis.label.isEmpty {
      sentences.append("\(name): \(axis.label).")
    }
    for mark in chart.marks {
      switch mark {
      case .line(let name, let points, _):
        sentences.append(Self.series("Line", name, points.filter { $0.y.isFinite }.map(\.y)))
      case .points(let name, let points):
        sentences.append(Self.series("Points", name, points.filter { $0.y.isFinite }.map(\.y)))
      case .bars(let name, let values):
        let categories = chart.x.categories ?? []
        let bars = values.enumerated().filter { $0.element.value.isFinite }.map { index, bar in
          let category = index < categories.count ? categories[index] : String(index)
          return "\(category) \(Self.text(bar.value, bar.error))"
        }
        sentences.append("Bars\(Self.named(name)): \(bars.joined(separator: "; ")).")
      case .histogram(let name, let edges, let counts):
        let range = edges.first.flatMap { first in edges.last.map { (first, $0) } }
        let words = range.map { " from \(Self.text($0.0)) to \(Self.text($0.1))" } ?? ""
        sentences.append("Histogram\(Self.named(name)) of \(counts.reduce(0, +))\(words).")
      case .verticalRule(let x, let label, _):
        sentences.append("Mark at \(Self.text(x))\(label.isEmpty ? "" : ": \(label)").")
      case .span(let x, let label, _):
        let ends = "\(Self.text(x.lowerBound)) to \(Self.text(x.upperBound))"
        sentences.append("Stretch from \(ends)\(label.isEmpty ? "" : ": \(label)").")
      case .strip(let name, let stretches):
        sentences.append("Strip\(Self.named(name)) of \(stretches.count) stretches.")
      }
    }
    if !chart.pictures.isEmpty {
      sentences.append(
        "Pictures: \(chart.pictures.map(\.caption).joined(separator: ", ")).")
    }
    text = sentences.joined(separator: " ")
  }

  private static func named(_ name: String) -> String { name.isEmpty ? "" : " ‘\(name)’" }

  private static func series(_ kind: String, _ name: String, _ values: [Double]) -> String {
    guard let first = values.first, let last = values.last, let least = values.min(),
      let greatest = values.max()
    else { return "\(kind)\(named(name)) without values." }
    return "\(kind)\(named(name)) of \(values.count) values from \(text(first)) to \(text(last)), "
      + "least \(text(least)), greatest \(text(greatest))."
  }

  /// A number in about four digits, with its error.
  static func text(_ value: Double, _ error: Double? = nil) -> String {
    let written = String(format: "%.4g", value)
    return error.map { "\(written) ± \(String(format: "%.2g", $0))" } ?? written
  }
}
