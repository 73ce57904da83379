/// Where everything in a chart goes, in pixels from the top left.
struct ChartLayout {
  /// A tick and its text.
  struct Tick {
    var value: Double
    var label: String
  }

  /// A rule's or stretch's text above the plot.
  struct Label {
    var text: String
    var emphasis: Emphasis
    /// Of the mark.
    var x: Double
    /// The text's left end.
    var start: Double
    /// 0 is next to the plot.
    var lane: Int
  }

  static let padding = 14.0
  static let laneHeight = 15.0
  static let stripHeight = 7.0
  static let stripGap = 3.0
  static let captionHeight = 15.0
  static let legendHeight = 19.0
  static let swatchWidth = 22.0
  /// Less than this is no plot.
  static let leastPlotHeight = 60.0

  let width: Double
  let height: Double
  let titleLines: [String]
  let subtitleLines: [String]
  /// Rows of entries, each with its left end.
  private(set) var legend: [[(entry: ChartSeries.Entry, x: Double)]]
  let legendTop: Double
  let picturesTop: Double
  let pictureFrames: [(x: Double, width: Double, height: Double)]
  let left, right, top, bottom: Double
  let x, y: Scale
  let xTicks, yTicks: [Tick]
  /// Whether the x axis' texts are turned, since they are too wide to stand side by side.
  let turnsCategories: Bool
  let xLabelBaseline: Double
  let labels: [Label]
  let stripTop: Double

  init(_ chart: Chart, series: ChartSeries, width: Double, height: Double) {
    let extent = ChartExtent(chart)
    self.width = width
    let inner = width - 2 * Self.padding
    titleLines = TextMeasure.lines(chart.title, width: inner, size: Style.titleSize, bold: true)
    subtitleLines = TextMeasure.lines(chart.subtitle ?? "", width: inner, size: Style.textSize)
    legendTop = Self.padding + 20 * Double(titleLines.count) + 16 * Double(subtitleLines.count) + 4
    legend = Self.legendRows(series.legend, width: inner)
    picturesTop = legendTop + Self.legendHeight * Double(legend.count) + 12

    // Texts at the y axis decide about the left margin, and the plot's height about them: a good
    // guess is enough for that.
    let guess = max(height - picturesTop - 80 - (chart.pictures.isEmpty ? 0 : 110), 80)
    let yTicks = Self.ticks(
      chart.y, extent.y, count: Int(guess / 34), integral: extent.yIsIntegral)
    let widest =
      yTicks.map { TextMeasure.width(of: $0.label, size: Style.tickSize) }.max() ?? 0
    var left = Self.padding + (chart.y.label.isEmpty ? 0 : 20) + widest + 8
    let xTicks = Self.xTicks(chart, extent, width: width - left - Self.padding)
    let xWidths = xTicks.map { TextMeasure.width(of: $0.label, size: Style.tickSize) }
    let widestX = xWidths.max() ?? 0
    let slot = (width - left - Self.padding) / Double(max(chart.x.categories?.count ?? 1, 1))
    turnsCategories = chart.x.categories != nil && widestX > slot - 8
    // Turned by 35 degrees the first text reaches to the left of the plot.
    if turnsCategories, let first = xWidths.first {
      left = max(left, first * 0.82 + Self.padding - slot / 2)
    }
    let lastHalf = (xWidths.last ?? 0) / 2
    let right =
      width - (chart.x.categories == nil ? max(Self.padding, lastHalf + 2) : Self.padding)
    let x = Scale(domain: extent.x, pixels: (left, right))
    let frames = Self.pictureFrames(chart.pictures, x)
    labels = Self.labels(chart.marks, series, x)

    let strips = chart.marks.count { if case .strip = $0 { true } else { false } }
    let tickHeight = turnsCategories ? min(widestX, 130) * 0.6 + 14 : 18
    let stripsHeight = Double(strips) * (Self.stripHeight + Self.stripGap)
    let below = stripsHeight + tickHeight + (chart.x.label.isEmpty ? 4 : 20) + 8
    let pictureHeight = frames.map(\.height).max().map { $0 + Self.captionHeight + 6 } ?? 0
    let lanes = (labels.map(\.lane).max() ?? -1) + 1
    let top = picturesTop + pictureHeight + Self.laneHeight * Double(lanes) + (lanes > 0 ? 3 : 0)
    let bottom = max(height - below, top + Self.leastPlotHeight)
    self.height = bottom + below
    stripTop = bottom + Self.stripGap
    xLabelBaseline = bottom + stripsHeight + tickHeight + 14
    (self.left, self.right, self.top, self.bottom) = (left, right, top, bottom)
    self.x = x
    self.y = Scale(domain: extent.y, pixels: (bottom, top))
    (self.xTicks, self.yTicks) = (xTicks, yTicks)
    pictureFrames = frames
    for row in legend.indices {
      for place in legend[row].indices { legend[row][place].x += Self.padding }
    }
  }

  // MARK: - Ticks

  private static func ticks(
    _ axis: Axis, _ range: ClosedRange<Double>, count: Int, integral: Bool
  ) -> [Tick] {
    if let categories = axis.categories {
      let ticks = categories.enumerated().map { Tick(value: Double($0.offset), label: $0.element) }
      return ticks.filter { range.contains($0.value) }
    }
    let step = Ticks.step(
      span: range.upperBound - range.lowerBound, count: max(count, 2), integral: integral)
    let values = Ticks.values(in: range, step: step)
    let grouped = values.contains { abs($0) >= 10_000 }
    return values.map {
      Tick(value: $0, label: Ticks.label($0, step: step, grouped: grouped))
    }
  }

  /// As many ticks as have room.
  private static func xTicks(_ chart: Chart, _ extent: ChartExtent, width: Double) -> [Tick] {
    if chart.x.categories != nil {
      // Long names are cut; turned by 35 degrees, 150 pixels of them are 90 high.
      return ticks(chart.x, extent.x, count: 0, integral: true).map {
        Tick(
          value: $0.value,
          label: TextMeasure.shortened($0.label, width: 150, size: Style.tickSize))
      }
    }
    var count = max(Int(width / 60), 2)
    while true {
      let ticks = ticks(chart.x, extent.x, count: count, integral: extent.xIsIntegral)
      let widest = ticks.map { TextMeasure.width(of: $0.label, size: Style.tickSize) }.max() ?? 0
      if count <= 2 || Double(ticks.count) * (widest + 18) <= width { return ticks }
      count -= 1
    }
  }

  // MARK: - Legend

  private static func legendRows(
    _ entries: [ChartSeries.Entry], width: Double
  ) -> [[(entry: ChartSeries.Entry, x: Double)]] {
    var rows: [[(entry: ChartSeries.Entry, x: Double)]] = []
    var place = 0.0
    for entry in entries {
      let size = swatchWidth + 6 + TextMeasure.width(of: entry.name, size: Style.textSize)
      if rows.isEmpty || place + size > width {
        rows.append([])
        place = 0
      }
      rows[rows.count - 1].append((entry, place))
      place += size + 18
    }
    return rows
  }

  // MARK: - Texts above the plot

  private static func labels(_ marks: [Marks], _ series: ChartSeries, _ x: Scale) -> [Label] {
    var wanted: [(text: String, emphasis: Emphasis, x: Double)] = []
    for mark in marks {
      switch mark {
      case .verticalRule(let place, let text, let emphasis):
        if !text.isEmpty, x.domain.contains(place) { wanted.append((text, emphasis, x(place))) }
      case .span(let stretch, let text, let emphasis):
        guard series.labelsDirectly(text), stretch.overlaps(x.domain) else { continue }
        let ends = (x.clamped(stretch.lowerBound), x.clamped(stretch.upperBound))
        wanted.append((text, emphasis, (ends.0 + ends.1) / 2))
      default: break
      }
    }
    var lanes: [[ClosedRange<Double>]] = []
    return wanted.sorted { $0.x < $1.x }.map { label in
      let width = TextMeasure.width(of: label.text, size: Style.tickSize)
      let start = min(max(label.x - width / 2, x.pixels.lower), x.pixels.upper - width)
      let box = start - 4...start + width + 4
      let free = lanes.firstIndex { !$0.contains { $0.overlaps(box) } }
      if free == nil { lanes.append([]) }
      let lane = free ?? lanes.count - 1
      lanes[lane].append(box)
      return Label(
        text: label.text, emphasis: label.emphasis, x: label.x, start: start, lane: lane)
    }
  }

  // MARK: - Pictures

  /// Side by side, each as near to its x as the others let it.
  private static func pictureFrames(
    _ pictures: [Picture], _ x: Scale
  ) -> [(x: Double, width: Double, height: Double)] {
    guard !pictures.isEmpty else { return [] }
    let gap = 6.0
    let room = (x.pixels.upper - x.pixels.lower) / Double(pictures.count) - gap
    var frames = pictures.map { picture in
      let ratio = Double(picture.height) / Double(max(picture.width, 1))
      let width = max(min(room, 130, 110 / ratio), 8)
      return (x: x.clamped(picture.x) - width / 2, width: width, height: width * ratio)
    }
    var place = x.pixels.lower
    for index in frames.indices {
      frames[index].x = max(frames[index].x, place)
      place = frames[index].x + frames[index].width + gap
    }
    place = x.pixels.upper
    for index in frames.indices.reversed() {
      frames[index].x = min(frames[index].x, place - frames[index].width)
      place = frames[index].x - gap
    }
    return frames
  }
}
