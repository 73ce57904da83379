/// Colours and type, as CSS within the SVG: for light screens, and for dark ones where the viewer
/// asks. What ignores media queries, such as the PNG renderer, shows the light one.
enum Style {
  /// Colours that people with any kind of colour vision tell apart (after Okabe and Ito), and their
  /// relatives for a dark ground. Red is kept for `Emphasis.strong`.
  static let series: [(light: String, dark: String)] = [
    ("#0072b2", "#56aee8"), ("#e08e00", "#f5b83d"), ("#009e73", "#2fcf9f"),
    ("#a8508a", "#e08fc4"), ("#3fa0d8", "#a5d8f8"), ("#6b6b6b", "#b9b9b9"),
  ]

  /// Every second series of lines is also dashed, for whoever sees no colours.
  static let dashes = ["none", "7 3", "2 3", "9 3 2 3", "4 2", "1 3"]

  static let emphases: [(Emphasis, light: String, dark: String)] = [
    (.quiet, "#767676", "#a0a0a0"), (.normal, "#d98200", "#f5b83d"),
    (.strong, "#c8102e", "#ff6b74"),
  ]

  static let titleSize = 16.0
  static let textSize = 12.0
  static let tickSize = 11.0

  static func name(of emphasis: Emphasis) -> String {
    switch emphasis {
    case .quiet: "quiet"
    case .normal: "normal"
    case .strong: "strong"
    }
  }

  /// The class suffix of series `index`.
  static func name(ofSeries index: Int) -> String { "s\(index % series.count)" }

  /// The style sheet. Every rule begins with the root's class, so that a chart set into a page
  /// changes nothing else there.
  static let sheet: String = {
    let root = ".recap-chart"
    var text = """
      \(root) text { font-family: "DejaVu Sans", "Helvetica Neue", Arial, sans-serif; fill: #222222; \
      font-size: \(Int(textSize))px; }
      \(root) .title { font-size: \(Int(titleSize))px; font-weight: bold; }
      \(root) .muted { fill: #595959; }
      \(root) .tick { fill: #595959; font-size: \(Int(tickSize))px; }
      \(root) .ground { fill: #ffffff; }
      \(root) .grid { stroke: #e3e3e3; stroke-width: 1; }
      \(root) .axis { stroke: #8a8a8a; stroke-width: 1; }
      \(root) .guide { stroke: #8a8a8a; stroke-width: 1; stroke-dasharray: 2 3; }
      \(root) .frame { fill: none; stroke: #8a8a8a; stroke-width: 1; }
      \(root) .error { stroke: #222222; }
      \(root) .marker { stroke: #ffffff; stroke-width: 1; }
      \(root) .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
      \(root) .whisker { fill: none; stroke-width: 1.25; }
      \(root) .rule { stroke-width: 1.5; stroke-dasharray: 5 3; }
      \(root) .band { fill-opacity: 0.18; }
      \(root) .solid { fill-opacity: 1; }
      \(root) .layered { fill-opacity: 0.5; }
      \(root) .span { fill-opacity: 0.16; }

      """
    func colours(_ name: String, _ colour: String) -> String {
      "\(root) .fill-\(name) { fill: \(colour); }\n"
        + "\(root) .stroke-\(name) { stroke: \(colour); }\n"
    }
    var dark = ""
    for (index, colour) in series.enumerated() {
      text += colours(name(ofSeries: index), colour.light)
      dark += colours(name(ofSeries: index), colour.dark)
    }
    for (emphasis, light, darkColour) in emphases {
      text += colours(name(of: emphasis), light)
      dark += colours(name(of: emphasis), darkColour)
    }
    return text + """
      @media (prefers-color-scheme: dark) {
      \(root) text { fill: #ececec; }
      \(root) .muted, \(root) .tick { fill: #b4b4b4; }
      \(root) .ground { fill: #16181c; }
      \(root) .grid { stroke: #33363c; }
      \(root) .error { stroke: #ececec; }
      \(root) .marker { stroke: #16181c; }
      \(root) .axis, \(root) .guide, \(root) .frame { stroke: #7d8087; }
      \(dark)}

      """
  }()
}
