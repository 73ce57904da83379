/// What a chart's axes must hold.
struct ChartExtent {
  private(set) var x: ClosedRange<Double>
  private(set) var y: ClosedRange<Double>
  /// Whether every number along the axis is an integer, so that half steps make no sense.
  private(set) var xIsIntegral: Bool
  private(set) var yIsIntegral: Bool

  init(_ chart: Chart) {
    var (xs, ys) = (Span(), Span())
    var bars = 0
    var hasMarkers = false
    for marks in chart.marks {
      switch marks {
      case .line(_, let points, _), .points(_, let points):
        for point in points where point.x.isFinite && point.y.isFinite {
          xs.add(point.x)
          ys.add(point.y, error: point.error)
        }
        if marks.hasMarkers { hasMarkers = true }
      case .bars(_, let values):
        bars = max(bars, values.count)
        ys.add(0)
        for bar in values where bar.value.isFinite { ys.add(bar.value, error: bar.error) }
      case .histogram(_, let edges, let counts):
        edges.filter(\.isFinite).forEach { xs.add($0) }
        ys.add(0)
        counts.forEach { ys.add(Double($0)) }
      case .verticalRule(let x, _, _):
        if x.isFinite { xs.add(x) }
      case .span(let stretch, _, _):
        xs.add(stretch)
      case .strip(_, let stretches):
        stretches.forEach { xs.add($0) }
      }
    }
    for picture in chart.pictures where picture.x.isFinite { xs.add(picture.x) }
    let slots = chart.x.categories?.count ?? bars
    if slots > 0 {
      xs.add(-0.5)
      xs.add(Double(slots) - 0.5)
      xIsIntegral = true
      hasMarkers = false
    } else {
      xIsIntegral = xs.isIntegral
    }
    if let categories = chart.y.categories {
      ys.add(-0.5)
      ys.add(Double(categories.count) - 0.5)
    }
    yIsIntegral = chart.y.categories != nil || ys.isIntegral
    x = xs.range
    // Markers at the ends keep clear of the frame.
    if hasMarkers {
      let margin = (x.upperBound - x.lowerBound) * 0.03
      x = x.lowerBound - margin...x.upperBound + margin
    }
    y = chart.y.categories == nil ? Self.roomy(ys.range) : ys.range
    if let start = chart.x.start { x = start...max(x.upperBound, start.nextUp) }
    if let start = chart.y.start { y = start...max(y.upperBound, start.nextUp) }
    if let range = chart.x.range, Self.isUsable(range) { x = range }
    if let range = chart.y.range, Self.isUsable(range) { y = range }
  }

  /// The range with some room at both ends, of which neither goes beyond 0 for that: what cannot be
  /// negative has no negative axis, and bars stand on their frame.
  private static func roomy(_ range: ClosedRange<Double>) -> ClosedRange<Double> {
    let room = (range.upperBound - range.lowerBound) * 0.05
    let (lower, upper) = (range.lowerBound - room, range.upperBound + room)
    return
      (range.lowerBound >= 0 ? max(lower, 0) : lower)...(range.upperBound <= 0
      ? min(upper, 0) : upper)
  }

  private static func isUsable(_ range: ClosedRange<Double>) -> Bool {
    range.lowerBound.isFinite && range.upperBound.isFinite && range.lowerBound < range.upperBound
  }

  /// The smallest and the largest of some numbers.
  private struct Span {
    private var lower = Double.infinity
    private var upper = -Double.infinity
    private var areIntegers = true

    mutating func add(_ value: Double, error: Double? = nil) {
      let error = error.map { $0.isFinite ? abs($0) : 0 } ?? 0
      lower = min(lower, value - error)
      upper = max(upper, value + error)
      if value != value.rounded() || abs(value) > 1e15 { areIntegers = false }
    }

    mutating func add(_ stretch: ClosedRange<Double>) {
      for end in [stretch.lowerBound, stretch.upperBound] where end.isFinite { add(end) }
    }

    var isIntegral: Bool { lower <= upper && areIntegers }

    /// 0…1 where there was nothing, and some room around a single number, of which none is beyond 0.
    var range: ClosedRange<Double> {
      guard lower <= upper else { return 0...1 }
      guard lower == upper else { return lower...upper }
      let room = isIntegral ? 1 : max(abs(lower) * 0.1, 1e-6)
      return (lower == 0 ? 0 : lower - room)...upper + room
    }
  }
}

extension Marks {
  /// Lines of up to so many points have a marker at each.
  static let mostMarkers = 30

  /// Whether each point is drawn by itself.
  var hasMarkers: Bool {
    switch self {
    case .points: true
    case .line(_, let points, let emphasis): emphasis == nil && points.count <= Self.mostMarkers
    default: false
    }
  }
}
