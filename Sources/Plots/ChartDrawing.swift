/// Draws a chart: grounds first, then grid, stretches, marks, axes and texts.
struct ChartDrawing {
  let chart: Chart
  let series: ChartSeries
  let layout: ChartLayout

  init(_ chart: Chart, width: Double, height: Double) {
    var chart = chart
    chart.pictures.sort { $0.x < $1.x }
    self.chart = chart
    series = ChartSeries(chart.marks)
    layout = ChartLayout(chart, series: series, width: width, height: height)
  }

  /// The whole SVG.
  var document: String {
    let description = ChartDescription(chart).text
    // Several charts may stand in one page, so their ids differ.
    let id = "chart-" + Self.fingerprint(chart.title + "\n" + description)
    let size = (SVGElement.number(layout.width), SVGElement.number(layout.height))
    let contents =
      "\n" + SVGElement.element("title", [("id", id)], contents: SVGElement.escaped(chart.title))
      + SVGElement.element(
        "desc", [("id", id + "-description")], contents: SVGElement.escaped(description))
      + "<style>\n" + Style.sheet + "</style>\n"
      + SVGElement.rectangle(
        x: 0, y: 0, width: layout.width, height: layout.height, style: "ground")
      + grid + clipped(spans) + clipped(fills + lines) + emptyCategories + guides + rules + markers
      + axes + strips
      + pictures
      + headings + legend
    return SVGElement.element(
      "svg",
      [
        ("xmlns", "http://www.w3.org/2000/svg"), ("class", "recap-chart"), ("role", "img"),
        ("aria-labelledby", "\(id) \(id)-description"), ("width", size.0), ("height", size.1),
        ("viewBox", "0 0 \(size.0) \(size.1)"),
      ], contents: contents)
  }

  /// FNV-1a in 8 digits: equal charts have equal text.
  private static func fingerprint(_ text: String) -> String {
    let hash = text.utf8.reduce(0x811C_9DC5 as UInt32) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// A drawing of which nothing shows outside the plot. A nested viewport needs no id, unlike a
  /// clipping path.
  private func clipped(_ drawing: String) -> String {
    guard !drawing.isEmpty else { return "" }
    let place = [layout.left, layout.top, layout.right - layout.left, layout.bottom - layout.top]
      .map(SVGElement.number)
    return SVGElement.element(
      "svg",
      [
        ("x", place[0]), ("y", place[1]), ("width", place[2]), ("height", place[3]),
        ("viewBox", place.joined(separator: " ")), ("overflow", "hidden"),
      ], contents: "\n" + drawing)
  }

  // MARK: - Axes

  private var grid: String {
    layout.yTicks.reduce("") { text, tick in
      let y = layout.y(tick.value)
      return text + SVGElement.line(layout.left, y, layout.right, y, style: "grid")
    }
  }

  private var axes: String {
    var text = SVGElement.line(
      layout.left, layout.bottom, layout.right, layout.bottom, style: "axis")
    // 0 deserves a line, unless the frame is as good as there.
    let zero = layout.y(0)
    if chart.y.categories == nil, zero > layout.top + 20, zero < layout.bottom - 20 {
      text += SVGElement.line(
        layout.left, zero, layout.right, zero, style: "axis")
    }
    for tick in layout.yTicks {
      text += SVGElement.text(
        tick.label, x: layout.left - 7, y: layout.y(tick.value) + 4, anchor: .end, style: "tick")
    }
    let stripsBottom = layout.stripTop - ChartLayout.stripGap + stripsHeight
    for tick in layout.xTicks {
      let x = layout.x(tick.value)
      text += SVGElement.line(x, layout.bottom, x, layout.bottom + 3, style: "axis")
      text +=
        layout.turnsCategories
        ? SVGElement.text(
          tick.label, x: x + 4, y: stripsBottom + 14, anchor: .end, style: "tick", turned: -35)
        : SVGElement.text(
          tick.label, x: x, y: stripsBottom + 16, anchor: .middle, style: "tick")
    }
    if !chart.x.label.isEmpty {
      text += SVGElement.text(
        chart.x.label, x: (layout.left + layout.right) / 2, y: layout.xLabelBaseline,
        anchor: .middle)
    }
    if !chart.y.label.isEmpty {
      text += SVGElement.text(
        chart.y.label, x: ChartLayout.padding + 10, y: (layout.top + layout.bottom) / 2,
        anchor: .middle, turned: -90)
    }
    return text
  }

  private var stripsHeight: Double {
    let strips = chart.marks.count { if case .strip = $0 { true } else { false } }
    return Double(strips) * (ChartLayout.stripHeight + ChartLayout.stripGap)
  }

  private var strips: String {
    var text = ""
    var top = layout.stripTop
    for (index, mark) in chart.marks.enumerated() {
      guard case .strip(_, let stretches) = mark else { continue }
      let style = "fill-" + Style.name(ofSeries: series.indices[index])
      for stretch in stretches where stretch.overlaps(layout.x.domain) {
        let ends = (layout.x.clamped(stretch.lowerBound), layout.x.clamped(stretch.upperBound))
        text += SVGElement.rectangle(
          x: ends.0, y: top, width: max(ends.1 - ends.0, 1), height: ChartLayout.stripHeight,
          style: style)
      }
      top += ChartLayout.stripHeight + ChartLayout.stripGap
    }
    return text
  }

  // MARK: - Stretches and rules

  private var spans: String {
    chart.marks.reduce("") { text, mark in
      guard case .span(let stretch, let label, let emphasis) = mark,
        stretch.overlaps(layout.x.domain)
      else { return text }
      let ends = (layout.x.clamped(stretch.lowerBound), layout.x.clamped(stretch.upperBound))
      return text
        + SVGElement.rectangle(
          x: ends.0, y: layout.top, width: max(ends.1 - ends.0, 1),
          height: layout.bottom - layout.top, style: "span fill-\(Style.name(of: emphasis))",
          hint: label.isEmpty ? nil : label)
    }
  }

  private var rules: String {
    var text = ""
    for case .verticalRule(let place, _, let emphasis) in chart.marks
    where layout.x.domain.contains(place) {
      let x = layout.x(place)
      text += SVGElement.line(
        x, layout.top, x, layout.bottom, style: "rule stroke-\(Style.name(of: emphasis))")
    }
    for label in layout.labels {
      // The foot of its text, and from there to the plot.
      let foot = layout.top - 3 - Double(label.lane) * ChartLayout.laneHeight
      text += SVGElement.line(
        label.x, foot, label.x, layout.top, style: "axis stroke-\(Style.name(of: label.emphasis))")
    }
    // After all lines, on their ground: a line to a higher text passes under the lower ones.
    for label in layout.labels {
      let foot = layout.top - 3 - Double(label.lane) * ChartLayout.laneHeight
      let width = TextMeasure.width(of: label.text, size: Style.tickSize)
      text += SVGElement.rectangle(
        x: label.start - 2, y: foot - ChartLayout.laneHeight + 2, width: width + 4,
        height: ChartLayout.laneHeight - 2, style: "ground")
      text += SVGElement.text(
        label.text, x: label.start + width / 2, y: foot - 3, anchor: .middle,
        style: "tick fill-\(Style.name(of: label.emphasis))")
    }
    return text
  }

  // MARK: - Pictures

  /// From each picture down to its x; under the rules' texts.
  private var guides: String {
    var text = ""
    for (picture, frame) in zip(chart.pictures, layout.pictureFrames) {
      let x = layout.x.clamped(picture.x)
      let foot = layout.picturesTop + frame.height
      text += SVGElement.line(x, foot, x, layout.bottom, style: "guide")
    }
    return text
  }

  private var pictures: String {
    var text = ""
    for (picture, frame) in zip(chart.pictures, layout.pictureFrames) {
      let top = layout.picturesTop
      let foot = top + frame.height
      text += SVGElement.element(
        "image",
        [
          ("x", SVGElement.number(frame.x)), ("y", SVGElement.number(top)),
          ("width", SVGElement.number(frame.width)), ("height", SVGElement.number(frame.height)),
          ("preserveAspectRatio", "xMidYMid meet"),
          ("href", "data:image/png;base64," + Base64.text(of: picture.png)),
        ], contents: SVGElement.title(picture.caption))
      text += SVGElement.rectangle(
        x: frame.x, y: top, width: frame.width, height: frame.height, style: "frame")
      let caption = TextMeasure.shortened(
        picture.caption, width: frame.width + 4, size: Style.tickSize)
      let width = TextMeasure.width(of: caption, size: Style.tickSize)
      text += SVGElement.rectangle(
        x: frame.x + (frame.width - width) / 2 - 1, y: foot + 1, width: width + 2,
        height: ChartLayout.captionHeight - 1, style: "ground")
      text += SVGElement.text(
        caption, x: frame.x + frame.width / 2, y: foot + 12, anchor: .middle, style: "tick")
    }
    return text
  }

  // MARK: - Headings

  private var headings: String {
    var text = ""
    var baseline = ChartLayout.padding + 15
    for line in layout.titleLines {
      text += SVGElement.text(line, x: ChartLayout.padding, y: baseline, style: "title")
      baseline += 20
    }
    baseline -= 1
    for line in layout.subtitleLines {
      text += SVGElement.text(line, x: ChartLayout.padding, y: baseline, style: "muted")
      baseline += 16
    }
    return text
  }

  private var legend: String {
    var text = ""
    for (row, entries) in layout.legend.enumerated() {
      let middle = layout.legendTop + (Double(row) + 0.5) * ChartLayout.legendHeight
      for (entry, x) in entries {
        text += swatch(entry, x: x, middle: middle)
        text += SVGElement.text(
          entry.name, x: x + ChartLayout.swatchWidth + 6, y: middle + 4)
      }
    }
    return text
  }

  private func swatch(_ entry: ChartSeries.Entry, x: Double, middle: Double) -> String {
    let width = ChartLayout.swatchWidth
    let marker = ChartMarker(index: entry.index)
    switch entry.swatch {
    case .box, .span:
      // As in the plot: a stretch is shaded, not filled.
      return SVGElement.rectangle(
        x: x, y: middle - 5, width: width, height: 10,
        style: "\(entry.swatch == .span ? "span" : "solid") fill-\(entry.colour)")
    case .marker:
      return marker.drawn(x: x + width / 2, y: middle, style: "fill-\(entry.colour)")
    case .line(let marked):
      return SVGElement.element(
        "path",
        [
          ("class", "line stroke-\(entry.colour)"),
          ("stroke-dasharray", marked ? "none" : ChartMarker.dash(entry.index)),
          (
            "d",
            "M\(SVGElement.number(x)) \(SVGElement.number(middle))"
              + "h\(SVGElement.number(width))"
          ),
        ])
        + (marked
          ? marker.drawn(x: x + width / 2, y: middle, style: "fill-\(entry.colour)") : "")
    }
  }
}
