/// Enough of a terminal to see what a person sees: text, new lines, carriage returns, "cursor up n"
/// and "clear to the end of the screen".
struct VirtualTerminal {
  private(set) var lines: [String] = [""]
  private var row = 0
  private var column = 0

  mutating func write(_ text: String) {
    var rest = Substring(text)
    while let character = rest.popFirst() {
      switch character {
      case "\n":
        row += 1
        column = 0
        if row == lines.count { lines.append("") }
      case "\r": column = 0
      case "\u{1B}": control(&rest)
      default:
        precondition(column == lines[row].count, "the screen only writes at a line's end")
        lines[row].append(character)
        column += 1
      }
    }
  }

  private mutating func control(_ rest: inout Substring) {
    precondition(rest.popFirst() == "[", "only control sequences are expected")
    let digits = rest.prefix { $0.isNumber }
    rest.removeFirst(digits.count)
    switch rest.popFirst() {
    case "A":
      let up = Int(digits) ?? 1
      precondition(up <= row, "the cursor would leave the text")
      row -= up
    case "J":
      lines[row] = String(lines[row].prefix(column))
      lines.removeSubrange((row + 1)...)
    case "m": break
    case let other: preconditionFailure("unexpected control sequence \(String(describing: other))")
    }
  }
}
