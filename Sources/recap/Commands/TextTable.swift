/// Rows of text in aligned columns.
struct TextTable {
  enum Alignment { case left, right }

  private let alignments: [Alignment]
  private var rows: [[String]]

  /// - Parameter columns: Titles and alignments; where every title is empty there is no title line.
  init(_ columns: [(title: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    let titles = columns.map(\.title)
    rows = titles.allSatisfy(\.isEmpty) ? [] : [titles]
  }

  /// Adds a row of as many cells as there are columns.
  mutating func add(_ cells: [String]) {
    precondition(
      cells.count == alignments.count, "\(cells.count) cells for \(alignments.count) columns")
    rows.append(cells)
  }

  /// Lines without a final newline and without spaces at their ends.
  var text: String {
    let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = alignments.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - row[column].count)
        return alignments[column] == .left ? row[column] + space : space + row[column]
      }
      var line = cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}
