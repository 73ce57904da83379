/// The little of HTML that a report needs.
enum HTML {
  /// Text without the characters that mean something in HTML.
  static func text(_ text: String) -> String {
    text.reduce(into: "") { escaped, character in
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      default: escaped.append(character)
      }
    }
  }

  /// Lines as they are.
  static func code(_ text: String) -> String { "<pre><code>\(self.text(text))</code></pre>" }

  /// A table with a row of titles.
  struct Table {
    private let texts: Set<Int>
    private var rows: [String]

    /// - Parameter texts: The columns that hold words; the others hold numbers.
    init(_ titles: [String], texts: Set<Int>) {
      self.texts = texts
      rows = [Self.row(titles, tag: "th", texts)]
    }

    mutating func add(_ cells: [String]) { rows.append(Self.row(cells, tag: "td", texts)) }

    var html: String {
      """
      <div class="table"><table>
      <thead>\(rows[0])</thead>
      <tbody>
      \(rows.dropFirst().joined(separator: "\n"))
      </tbody>
      </table></div>
      """
    }

    private static func row(_ cells: [String], tag: String, _ texts: Set<Int>) -> String {
      let cells = cells.enumerated().map { index, cell in
        let kind = texts.contains(index) ? "" : " class=\"number\""
        let lines = cell.split(separator: "\n", omittingEmptySubsequences: false)
        return
          "<\(tag)\(kind)>\(lines.map { HTML.text(String($0)) }.joined(separator: "<br>"))</\(tag)>"
      }
      return "<tr>\(cells.joined())</tr>"
    }
  }
}

extension ExperimentPage {
  static let style = """
    :root { color-scheme: light dark; --ink: #222222; --muted: #595959; --ground: #ffffff; \
    --line: #dddddd; --soft: #f5f5f5; --warning: #8a5a00; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --muted: #a8a8a8; \
    --ground: #161616; --line: #3a3a3a; --soft: #222222; --warning: #f5b83d; } }
    body { margin: 0; background: var(--ground); color: var(--ink); \
    font: 15px/1.5 system-ui, "Helvetica Neue", Arial, sans-serif; }
    main { max-width: 1080px; margin: 0 auto; padding: 24px 20px 60px; }
    h1 { font-size: 26px; line-height: 1.25; margin: 0 0 8px; }
    h2 { font-size: 19px; margin: 32px 0 10px; }
    summary h2 { display: inline; }
    summary { cursor: pointer; margin: 12px 0; }
    .muted { color: var(--muted); }
    .warning { color: var(--warning); }
    .charts { display: flex; flex-wrap: wrap; gap: 12px; }
    figure { margin: 0; }
    figure svg { max-width: 100%; height: auto; }
    .table { overflow-x: auto; }
    table { border-collapse: collapse; font-size: 14px; }
    th, td { text-align: left; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); \
    vertical-align: top; white-space: nowrap; }
    .number { text-align: right; font-variant-numeric: tabular-nums; }
    pre { background: var(--soft); padding: 10px 12px; overflow-x: auto; font-size: 13px; }
    code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
    """
}
