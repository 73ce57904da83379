import Episodes

/// What a person who plays sees, as text for a terminal.
struct PlayScreen: Sendable {
  /// How a terminal shows colours.
  enum Colours: Sendable {
    /// 24 bits a colour.
    case all
    /// The 6 × 6 × 6 cube of 256.
    case cube
    /// Brightness alone, as characters.
    case none

    /// - Parameter environment: Of the process.
    init(_ environment: [String: String]) {
      let term = environment["TERM"] ?? ""
      if !(environment["NO_COLOR"] ?? "").isEmpty || term == "dumb" || term.isEmpty {
        self = .none
      } else if ["truecolor", "24bit"].contains(environment["COLORTERM"] ?? "") {
        self = .all
      } else {
        self = term.contains("256") ? .cube : .none
      }
    }
  }

  var colours: Colours
  /// Of the terminal.
  var columns: Int
  var rows: Int

  /// Lines below the picture.
  static let statusLines = 8

  /// The side of a picture that fits, in pixels: two of them are one character high.
  var side: Int {
    let largest = min(columns, 2 * (rows - Self.statusLines), 96)
    return max(16, largest / 2 * 2)
  }

  /// A picture as lines of half blocks.
  ///
  /// - Parameter pixels: [side, side, 3], rows from the top; an even side.
  func picture(_ pixels: [UInt8], side: Int) -> [String] {
    func pixel(_ row: Int, _ column: Int) -> (UInt8, UInt8, UInt8) {
      let at = 3 * (row * side + column)
      return (pixels[at], pixels[at + 1], pixels[at + 2])
    }
    return stride(from: 0, to: side - 1, by: 2).map { row in
      var line = ""
      var last: (String, String)?
      for column in 0..<side {
        let (above, below) = (pixel(row, column), pixel(row + 1, column))
        guard colours != .none else {
          line.append(Self.shade(above, below))
          continue
        }
        let codes = (code(above), code(below))
        if last == nil || last! != codes {
          line += "\u{1B}[38;\(codes.0);48;\(codes.1)m"
          last = codes
        }
        line += "▀"
      }
      return colours == .none ? line : line + "\u{1B}[0m"
    }
  }

  private func code(_ pixel: (UInt8, UInt8, UInt8)) -> String {
    if colours == .all { return "2;\(pixel.0);\(pixel.1);\(pixel.2)" }
    func level(_ value: UInt8) -> Int { (Int(value) * 5 + 127) / 255 }
    let (red, green, blue) = (level(pixel.0), level(pixel.1), level(pixel.2))
    return "5;\(16 + 36 * red + 6 * green + blue)"
  }

  private static let shades: [Character] = Array(" .:-=+*#%@")

  private static func shade(
    _ above: (UInt8, UInt8, UInt8), _ below: (UInt8, UInt8, UInt8)
  ) -> Character {
    var sum = 0
    for value in [above.0, above.1, above.2, below.0, below.1, below.2] { sum += Int(value) }
    return shades[sum * (shades.count - 1) / (6 * 255)]
  }

  /// The lines below the picture.
  func status(_ moment: PlayMoment) -> [String] {
    let seconds = Double(moment.task.maximumSteps - moment.step) / moment.controlRate
    let arms = ["left", "right"].enumerated().map { index, name in
      let mark = index == moment.hands.arm ? "▸" : " "
      return "\(mark)\(name) \(moment.hands.isClosed[index] ? "closed" : "open")"
    }
    let who =
      moment.isCorrecting
      ? (moment.isPerson ? "you act (t hands back)" : "the policy acts (t takes over)") : "you act"
    let stages = (moment.stages ?? []).map { "\($0.name) \($0.isDone ? "✓" : "·")" }
    let subtasks = moment.task.subtasks
    var lines = [
      "\(moment.task.name): \(moment.task.instruction)",
      moment.outcome ?? "\(tenths(seconds)) s left · \(who) · \(arms.joined(separator: " "))",
      subtasks.indices.contains(moment.subtask) ? "now: \(subtasks[moment.subtask])" : "",
      stages.isEmpty ? "" : stages.joined(separator: "  "),
      "arrows or wasd move over the table, r/f up and down, space grips, tab other arm, x stops",
      (moment.isCorrecting ? "t takes over or hands back, " : "") + "p pauses, q ends",
    ]
    if moment.isPaused { lines[1] = "paused: any key goes on" }
    return lines.map { String($0.prefix(columns)) }
  }

  private func tenths(_ seconds: Double) -> String {
    let tenths = Int((max(0, seconds) * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  /// A whole screen, drawn over the last one.
  func text(_ picture: [String], _ moment: PlayMoment) -> String {
    "\u{1B}[H" + (picture + status(moment)).map { $0 + "\u{1B}[K" }.joined(separator: "\r\n")
      + "\u{1B}[J"
  }
}

/// An episode at one moment, as far as it is shown in words.
struct PlayMoment: Sendable {
  var task: TaskDescription
  var controlRate: Double
  /// Executed so far.
  var step: Int
  /// Index of what is to be done now.
  var subtask: Int
  var stages: [StageScore]?
  var hands: Teleoperation
  /// Whether a policy acts unless the person takes over.
  var isCorrecting: Bool
  var isPerson: Bool
  var isPaused = false
  /// How it ended, in words; nil while it goes on.
  var outcome: String?
}
