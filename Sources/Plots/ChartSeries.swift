/// Which colour each of a chart's marks has, and what the legend says.
struct ChartSeries {
  /// How a legend shows a series.
  enum Swatch: Hashable { case line(marked: Bool), marker, box, span }

  struct Entry: Hashable {
    var name: String
    var swatch: Swatch
    /// The class suffix of its colour.
    var colour: String
    /// Its number among the series, which chooses dashes and markers.
    var index: Int
  }

  /// The series' number of each mark; 0 for rules and stretches, which have an emphasis instead.
  let indices: [Int]
  /// Empty where there is nothing to tell apart.
  let legend: [Entry]
  /// How often each stretch's label occurs.
  private let spanLabels: [String: Int]

  init(_ marks: [Marks]) {
    var indices: [Int] = []
    var byName: [String: Int] = [:]
    var next = 0
    var entries: [Entry] = []
    var spanLabels: [String: Int] = [:]
    for case .span(_, let label, _) in marks { spanLabels[label, default: 0] += 1 }

    func series(_ name: String) -> Int {
      if !name.isEmpty, let known = byName[name] { return known }
      defer { next += 1 }
      if !name.isEmpty { byName[name] = next }
      return next
    }
    func list(_ name: String, _ swatch: Swatch, _ colour: String, _ index: Int) {
      guard !name.isEmpty, !entries.contains(where: { $0.name == name }) else { return }
      entries.append(Entry(name: name, swatch: swatch, colour: colour, index: index))
    }
    for mark in marks {
      switch mark {
      case .line(let name, _, let emphasis):
        let index = emphasis == nil ? series(name) : 0
        indices.append(index)
        let colour = emphasis.map(Style.name) ?? Style.name(ofSeries: index)
        list(name, .line(marked: mark.hasMarkers), colour, index)
      case .points(let name, _):
        indices.append(series(name))
        list(name, .marker, Style.name(ofSeries: indices.last!), indices.last!)
      case .bars(let name, _), .histogram(let name, _, _), .strip(let name, _):
        // Amber would look like a stretch above it.
        if case .strip = mark { next = max(next, 2) }
        indices.append(series(name))
        list(name, .box, Style.name(ofSeries: indices.last!), indices.last!)
      case .span(_, let label, let emphasis):
        indices.append(0)
        if spanLabels[label, default: 0] > 1 { list(label, .span, Style.name(of: emphasis), 0) }
      case .verticalRule:
        indices.append(0)
      }
    }
    self.indices = indices
    self.spanLabels = spanLabels
    // One line or one set of bars needs no legend: the axis says what it is.
    let needed =
      entries.count > 1
      || marks.contains {
        if case .strip(let name, _) = $0 { return !name.isEmpty }
        if case .span(_, let label, _) = $0 { return spanLabels[label, default: 0] > 1 }
        return false
      }
    legend = needed ? entries : []
  }

  /// Whether a stretch's label stands above it, and not in the legend.
  func labelsDirectly(_ span: String) -> Bool { !span.isEmpty && spanLabels[span] == 1 }
}
