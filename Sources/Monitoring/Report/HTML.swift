/// The little of HTML that a report needs.
package enum HTML {
  /// A page that needs nothing from elsewhere.
  ///
  /// - Parameters:
  ///   - style: CSS.
  ///   - sections: HTML; empty ones are left out.
  package static func page(title: String, style: String, sections: [String]) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(text(title))</title>
    <style>
    \(style)
    </style>
    </head>
    <body>
    <main>
    \(sections.filter { !$0.isEmpty }.joined(separator: "\n"))
    </main>
    </body>
    </html>

    """
  }

  /// Text without the characters that mean something in HTML.
  package static func text(_ text: String) -> String {
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
  package static func code(_ text: String) -> String {
    "<pre><code>\(self.text(text))</code></pre>"
  }

  /// A table with a row of titles.
  package struct Table {
    private let texts: Set<Int>
    private var rows: [String]

    /// - Parameter texts: The columns that hold words; the others hold numbers.
    package init(_ titles: [String], texts: Set<Int>) {
      self.texts = texts
      rows = [Self.row(titles, tag: "th", texts)]
    }

    package mutating func add(_ cells: [String]) { rows.append(Self.row(cells, tag: "td", texts)) }

    package var html: String {
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
