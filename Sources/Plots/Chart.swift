/// A picture of numbers, as a value: what is shown, not how it is drawn.
///
/// `svg(width:height:)` draws it; `PNGPicture` makes a bitmap of that. Numbers that are not finite
/// are left out, and a line is interrupted where they are.
public struct Chart: Sendable {
  /// What the chart says, in one line; broken into several where it does not fit.
  public var title: String
  /// Under the title, smaller: where the numbers come from.
  public var subtitle: String?
  /// From left to right.
  public var x: Axis
  /// From bottom to top.
  public var y: Axis
  /// What is drawn. Stretches lie under bars and bars under lines, whatever their order here.
  public var marks: [Marks]
  /// Pictures above the plot, each at its place on the x axis, as in a film strip.
  public var pictures: [Picture]

  /// A chart that shows `marks` on two axes.
  public init(
    title: String, subtitle: String? = nil, x: Axis, y: Axis, marks: [Marks],
    pictures: [Picture] = []
  ) {
    self.title = title
    self.subtitle = subtitle
    self.x = x
    self.y = y
    self.marks = marks
    self.pictures = pictures
  }

  /// A complete SVG document: text that can be selected, a title and a description for screen
  /// readers, legible on light and dark screens (`prefers-color-scheme`), without fonts, scripts or
  /// anything else from outside.
  ///
  /// - Parameters:
  ///   - width: In pixels, at least 200.
  ///   - height: In pixels, at least 150, all of it: title, legend, pictures and axes included.
  public func svg(width: Int = 720, height: Int = 420) -> String {
    precondition(
      width >= 200 && height >= 150,
      "a chart needs at least 200×150 pixels, got \(width)×\(height)")
    return ChartDrawing(self, width: Double(width), height: Double(height)).document
  }
}

/// One of a chart's two axes.
public struct Axis: Sendable {
  /// What it measures, and in which unit.
  public var label: String
  /// Shown exactly; nil for all that the marks hold, up to the next tick.
  public var range: ClosedRange<Double>?
  /// Where the axis begins, for what cannot be less; nil for a little below the least number.
  public var start: Double?
  /// Names in place of numbers: category i stands at i. Bars stand at categories.
  public var categories: [String]?

  /// An axis of numbers, or of categories.
  public init(
    label: String, range: ClosedRange<Double>? = nil, start: Double? = nil,
    categories: [String]? = nil
  ) {
    self.label = label
    self.range = range
    self.start = start
    self.categories = categories
  }
}

/// Numbers of one kind, and how they are drawn. Names appear in the legend; an empty one does not.
public enum Marks: Sendable {
  /// Points joined in the order given. Up to 30 have a marker each and their errors as whiskers;
  /// more have a band. Of several lines with whiskers each is moved aside by a few pixels. With an
  /// emphasis it is a part of another line that wants to be seen: in the emphasis' colour, and
  /// without markers.
  case line(name: String, points: [Point], emphasis: Emphasis? = nil)
  /// Points by themselves, a little to the right of their x where a series of bars has whiskers.
  case points(name: String, points: [Point])
  /// Bars from 0, bar i at category i; several of them stand side by side. A category of which none
  /// has a value says so.
  case bars(name: String, values: [Bar])
  /// Counts between edges, one fewer than those, which ascend.
  case histogram(name: String, edges: [Double], counts: [Int])
  /// A line at an x, such as a threshold.
  case verticalRule(x: Double, label: String, emphasis: Emphasis)
  /// A shaded stretch of the x axis. A label that occurs once stands above its stretch, one that
  /// several stretches have stands in the legend.
  case span(x: ClosedRange<Double>, label: String, emphasis: Emphasis)
  /// Stretches of the x axis as a thin strip under the plot, green unless other series are.
  case strip(name: String, stretches: [ClosedRange<Double>])
}

/// A place in the plane.
public struct Point: Hashable, Sendable {
  public var x: Double
  public var y: Double
  /// Drawn from y − error to y + error (≥ 0); nil for none.
  public var error: Double?
  /// What it is, while the pointer rests on it; nil for its series and x.
  public var name: String?

  public init(x: Double, y: Double, error: Double? = nil, name: String? = nil) {
    self.x = x
    self.y = y
    self.error = error
    self.name = name
  }
}

/// A bar's height.
public struct Bar: Hashable, Sendable {
  /// NaN where there is nothing to draw.
  public var value: Double
  /// Drawn from value − error to value + error (≥ 0); nil for none.
  public var error: Double?

  public init(value: Double, error: Double? = nil) {
    self.value = value
    self.error = error
  }
}

/// How much a rule or a stretch wants to be seen.
public enum Emphasis: Sendable, Hashable {
  /// Grey: for orientation.
  case quiet
  /// Amber: worth knowing.
  case normal
  /// Red: look here.
  case strong
}

/// A picture that belongs to one x.
public struct Picture: Sendable {
  public var x: Double
  /// A whole PNG file, embedded in the SVG.
  public var png: [UInt8]
  /// Pixels.
  public var width: Int
  /// Pixels.
  public var height: Int
  /// Stands under it.
  public var caption: String

  public init(x: Double, png: [UInt8], width: Int, height: Int, caption: String) {
    self.x = x
    self.png = png
    self.width = width
    self.height = height
    self.caption = caption
  }
}
