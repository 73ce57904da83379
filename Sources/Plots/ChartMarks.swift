import Foundation

// Bars, lines and points.

extension ChartDrawing {
  /// What lies under lines: bars, histograms and the bands of lines' errors.
  var fills: String {
    let barSeries = chart.marks.count { if case .bars = $0 { true } else { false } }
    var place = 0
    var text = ""
    for (index, mark) in chart.marks.enumerated() {
      let colour = "fill-" + Style.name(ofSeries: series.indices[index])
      switch mark {
      case .bars(let name, let values):
        text += bars(name, values, place: place, of: barSeries, colour: colour)
        place += 1
      case .histogram(_, let edges, let counts):
        text += histogram(
          edges, counts, style: "\(histogramsOverlap ? "layered" : "solid") \(colour)")
      case .line(_, let points, nil) where !mark.hasMarkers:
        text += band(points, colour: colour)
      default: break
      }
    }
    return text
  }

  private func bars(
    _ name: String, _ values: [Bar], place: Int, of series: Int, colour: String
  ) -> String {
    let width = 0.8 / Double(series)
    let start = -0.4 + width * Double(place)
    // Bars stand on 0, or on the frame where 0 is not shown.
    let ground = layout.y.clamped(0)
    var text = ""
    for (category, bar) in values.enumerated() where bar.value.isFinite {
      let left = layout.x(Double(category) + start)
      let right = layout.x(Double(category) + start + width)
      let top = layout.y.clamped(bar.value)
      let names = chart.x.categories ?? []
      let category = category < names.count ? names[category] : String(category)
      let hint = [name, category].filter { !$0.isEmpty }.joined(separator: ", ")
      text += SVGElement.rectangle(
        x: left + 1, y: min(top, ground), width: right - left - 2, height: abs(ground - top),
        style: "solid \(colour)", hint: "\(hint): \(ChartDescription.text(bar.value, bar.error))")
      text += whisker(
        x: (left + right) / 2, value: bar.value, error: bar.error, style: "error whisker")
    }
    return text
  }

  /// Words where a category has no bar, which could be taken for a bar of 0.
  var emptyCategories: String {
    guard let names = chart.x.categories else { return "" }
    var series: [[Bar]] = []
    for case .bars(_, let values) in chart.marks { series.append(values) }
    if series.isEmpty { return "" }
    let slot = layout.x(1) - layout.x(0)
    let words = "no data"
    let fits = TextMeasure.width(of: words, size: Style.tickSize) < slot
    return names.indices.reduce("") { text, category in
      let isEmpty = series.allSatisfy {
        category >= $0.count || !$0[category].value.isFinite
      }
      guard isEmpty else { return text }
      return text
        + SVGElement.text(
          fits ? words : "–", x: layout.x(Double(category)), y: layout.bottom - 6, anchor: .middle,
          style: "tick")
    }
  }

  /// Whether one histogram would hide parts of another.
  private var histogramsOverlap: Bool {
    var ranges: [ClosedRange<Double>] = []
    for case .histogram(_, let edges, _) in chart.marks {
      guard let first = edges.first, let last = edges.last, first < last else { continue }
      if ranges.contains(where: { $0.lowerBound < last && first < $0.upperBound }) { return true }
      ranges.append(first...last)
    }
    return false
  }

  private func histogram(_ edges: [Double], _ counts: [Int], style: String) -> String {
    let ground = layout.y.clamped(0)
    var text = ""
    for (bin, count) in counts.enumerated() where count > 0 && bin + 1 < edges.count {
      let (left, right) = (layout.x(edges[bin]), layout.x(edges[bin + 1]))
      let top = layout.y.clamped(Double(count))
      // A hair between bins, where there is room for one.
      let gap = right - left > 5 ? 1.0 : 0
      text += SVGElement.rectangle(
        x: left, y: top, width: right - left - gap, height: ground - top, style: style,
        hint: "\(ChartDescription.text(edges[bin])) to "
          + "\(ChartDescription.text(edges[bin + 1])): \(count)")
    }
    return text
  }

  private func band(_ points: [Point], colour: String) -> String {
    stretches(points).reduce("") { text, points in
      guard points.contains(where: { $0.error != nil }) else { return text }
      let upper = points.map { (layout.x($0.x), layout.y($0.y + ($0.error ?? 0))) }
      let lower = points.reversed().map { (layout.x($0.x), layout.y($0.y - ($0.error ?? 0))) }
      return text
        + SVGElement.element(
          "path", [("class", "band \(colour)"), ("d", path(upper + lower) + "Z")])
    }
  }

  /// Lines with their whiskers, without their markers.
  var lines: String {
    var text = ""
    for (index, mark) in chart.marks.enumerated() {
      guard case .line(_, let points, let emphasis) = mark else {
        if case .points(_, let points) = mark { text += whiskers(points, index: index) }
        continue
      }
      let number = series.indices[index]
      let colour = emphasis.map(Style.name) ?? Style.name(ofSeries: number)
      let isMarked = mark.hasMarkers
      let shift = shift(ofMark: index)
      if isMarked { text += whiskers(points, index: index) }
      let drawn = stretches(points).map {
        path($0.map { (layout.x($0.x) + shift, layout.y($0.y)) })
      }
      guard !drawn.isEmpty else { continue }
      text += SVGElement.element(
        "path",
        [
          ("class", "line stroke-\(colour)"),
          ("stroke-dasharray", isMarked || emphasis != nil ? "none" : ChartMarker.dash(number)),
          ("d", drawn.joined()),
        ])
    }
    return text
  }

  /// How far a mark stands beside its x, in pixels.
  ///
  /// Points stand beside the whiskers of bars. Of several lines with whiskers each stands a few
  /// pixels beside the others, where there is room, so that they do not cover each other.
  func shift(ofMark index: Int) -> Double {
    if case .points = chart.marks[index] { return pointsShift }
    var places: [Int] = []
    var xs: Set<Double> = []
    for (place, mark) in chart.marks.enumerated() {
      guard case .line(_, let points, nil) = mark, mark.hasMarkers,
        points.contains(where: { $0.error != nil })
      else { continue }
      places.append(place)
      xs.formUnion(points.map(\.x).filter(\.isFinite))
    }
    guard places.count > 1, let place = places.firstIndex(of: index) else { return 0 }
    let sorted = xs.sorted()
    let closest = zip(sorted, sorted.dropFirst()).map { layout.x($1) - layout.x($0) }.min()
    let step = 6.0
    guard (closest ?? .infinity) > step * Double(places.count) * 2 else { return 0 }
    return (Double(place) - Double(places.count - 1) / 2) * step
  }

  private var pointsShift: Double {
    var bars: [[Bar]] = []
    for case .bars(_, let values) in chart.marks { bars.append(values) }
    // Beside each other, bars leave their points no place of their own.
    guard bars.count == 1, bars[0].contains(where: { $0.error != nil }) else { return 0 }
    return min(14, (layout.x(1) - layout.x(0)) * 0.2)
  }

  private func whiskers(_ points: [Point], index: Int) -> String {
    let style = "whisker stroke-" + Style.name(ofSeries: series.indices[index])
    let shift = shift(ofMark: index)
    return stretches(points).joined().reduce("") {
      $0 + whisker(x: layout.x($1.x) + shift, value: $1.y, error: $1.error, style: style)
    }
  }

  private func whisker(x: Double, value: Double, error: Double?, style: String) -> String {
    guard let error, error.isFinite, error != 0 else { return "" }
    let ends = (layout.y.clamped(value + abs(error)), layout.y.clamped(value - abs(error)))
    return SVGElement.line(x, ends.0, x, ends.1, style: style)
      + SVGElement.line(x - 3.5, ends.0, x + 3.5, ends.0, style: style)
      + SVGElement.line(x - 3.5, ends.1, x + 3.5, ends.1, style: style)
  }

  /// Markers of points and of lines with few of them; whole also at the plot's edge.
  var markers: String {
    var text = ""
    for (index, mark) in chart.marks.enumerated() {
      let number = series.indices[index]
      let (name, points): (String, [Point])
      switch mark {
      case .points(let series, let all): (name, points) = (series, all)
      case .line(let series, let all, _) where mark.hasMarkers: (name, points) = (series, all)
      default: continue
      }
      let shift = shift(ofMark: index)
      for point in stretches(points).joined()
      where layout.x.domain.contains(point.x) && layout.y.domain.contains(point.y) {
        let place =
          point.name.map { $0 + ": " }
          ?? (name.isEmpty ? "" : name + ": ") + ChartDescription.text(point.x) + ", "
        text += ChartMarker(index: number).drawn(
          x: layout.x(point.x) + shift, y: layout.y(point.y),
          style: "fill-\(Style.name(ofSeries: number))",
          hint: place + ChartDescription.text(point.y, point.error))
      }
    }
    return text
  }

  /// The points between those that are not numbers.
  private func stretches(_ points: [Point]) -> [[Point]] {
    points.split { !$0.x.isFinite || !$0.y.isFinite }.map { part in
      part.map { point in
        var point = point
        if point.error?.isFinite == false { point.error = nil }
        return point
      }
    }
  }

  private func path(_ points: [(x: Double, y: Double)]) -> String {
    points.enumerated().map { index, point in
      (index == 0 ? "M" : "L") + SVGElement.number(point.x) + " " + SVGElement.number(point.y)
    }.joined()
  }
}

/// The shape that tells a series apart from others besides its colour.
struct ChartMarker {
  let index: Int

  static func dash(_ index: Int) -> String { Style.dashes[index % Style.dashes.count] }

  func drawn(x: Double, y: Double, style: String, hint: String? = nil) -> String {
    let shape: [(Double, Double)]
    switch index % 4 {
    case 1: shape = [(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)]
    case 2: shape = [(0, -4.5), (4.5, 3.5), (-4.5, 3.5)]
    case 3: shape = [(0, -5), (5, 0), (0, 5), (-5, 0)]
    default:
      return SVGElement.element(
        "circle",
        [
          ("class", "marker " + style), ("cx", SVGElement.number(x)), ("cy", SVGElement.number(y)),
          ("r", "4"),
        ], contents: hint.map(SVGElement.title))
    }
    let corners = shape.map { "\(SVGElement.number(x + $0.0)),\(SVGElement.number(y + $0.1))" }
    return SVGElement.element(
      "polygon", [("class", "marker " + style), ("points", corners.joined(separator: " "))],
      contents: hint.map(SVGElement.title))
  }
}

enum Base64 {
  static func text(of bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
