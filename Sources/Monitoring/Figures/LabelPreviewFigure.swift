import Plots
import RecapAlgorithm

/// A label preview for people: in a terminal, and as a chart.
public struct LabelPreviewFigure: Sendable {
  public let preview: LabelPreview
  /// Whose values these are, in words, such as "label set espresso/2/labels".
  public let origin: String

  public init(_ preview: LabelPreview, origin: String) {
    self.preview = preview
    self.origin = origin
  }

  // MARK: - Terminal

  /// The threshold, the shares by source, and the histogram, in lines of about `width` characters.
  public func text(width: Int = 72) -> String {
    let summary = preview.summary
    var lines = [
      "\(preview.task): \(summary.steps) steps, V from \(origin)",
      "lookahead \(lookahead), share p = \(percent(summary.requestedPositiveShare)): "
        + "threshold ε = \(signed(Double(summary.threshold), digits: 4))",
      "",
    ]
    lines += shareTable
    lines += ["", "advantage A, steps"]
    lines += histogramLines(width: width)
    return lines.joined(separator: "\n") + "\n"
  }

  private var lookahead: String {
    preview.lookahead.map { "\($0) steps" } ?? "to the end of the episode"
  }

  private var sources: [String] { preview.stepsBySource.keys.sorted() }

  private var shareTable: [String] {
    let shares = preview.summary.positiveShareBySource
    var rows = [["source", "steps", "positive"]]
    for source in sources {
      rows.append([
        source, "\(preview.stepsBySource[source] ?? 0)", percent(shares[source] ?? 0),
      ])
    }
    rows.append(["all", "\(preview.summary.steps)", percent(preview.summary.positiveShare)])
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.indices.map { column in
        row[column].padded(to: widths[column], alignment: column == 0 ? .left : .right)
      }.joined(separator: "  ")
    }
  }

  /// A line a bin, the largest advantages last, with the threshold between two of them.
  private func histogramLines(width: Int) -> [String] {
    let histogram = preview.histogram
    let digits = edgeDigits
    let labels = histogram.counts.indices.map { bin in
      "\(signed(histogram.edges[bin], digits: digits)) … "
        + signed(histogram.edges[bin + 1], digits: digits)
    }
    let labelWidth = labels.map(\.count).max() ?? 0
    let countWidth = histogram.counts.map { "\($0)".count }.max() ?? 1
    let room = max(width - labelWidth - countWidth - 4, 8)
    let most = max(histogram.counts.max() ?? 1, 1)
    let rule =
      "── ε = \(signed(Double(preview.summary.threshold), digits: 4)) "
      + "── below: negative, but for corrections; from here: positive"
    var lines: [String] = []
    for (bin, count) in histogram.counts.enumerated() {
      if bin == histogram.thresholdEdge { lines.append(rule) }
      let bar = Self.bar(Double(count) / Double(most), room: room)
      let number = "\(count)".padded(to: countWidth, alignment: .right)
      lines.append(
        labels[bin].padded(to: labelWidth, alignment: .right) + "  " + number
          + (bar.isEmpty ? "" : "  " + bar))
    }
    if histogram.thresholdEdge == histogram.counts.count { lines.append(rule) }
    return lines
  }

  /// Digits that tell neighbouring edges apart.
  private var edgeDigits: Int {
    let edges = preview.histogram.edges
    let width = edges[1] - edges[0]
    return width >= 0.1 ? 2 : width >= 0.01 ? 3 : 4
  }

  /// A bar of eighths of a character; a share above 0 is seen.
  static func bar(_ share: Double, room: Int) -> String {
    let eighths = max(Int((share * Double(room) * 8).rounded()), share > 0 ? 1 : 0)
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
  }

  // MARK: - Chart

  /// The histogram in two colours, one to each side of the threshold.
  public var chart: Chart {
    let histogram = preview.histogram
    let edge = histogram.thresholdEdge
    let summary = preview.summary
    var marks: [Marks] = []
    if edge > 0 {
      marks.append(
        .histogram(
          name: "A ≤ ε: negative unless corrected", edges: Array(histogram.edges[...edge]),
          counts: Array(histogram.counts[..<edge])))
    }
    if edge < histogram.counts.count {
      marks.append(
        .histogram(
          name: "A > ε: positive", edges: Array(histogram.edges[edge...]),
          counts: Array(histogram.counts[edge...])))
    }
    let threshold = Double(summary.threshold)
    marks.append(
      .verticalRule(
        x: threshold, label: "ε = \(signed(threshold, digits: 4))", emphasis: .strong))
    let shares = sources.map { source in
      "\(source) \(percent(summary.positiveShareBySource[source] ?? 0))"
    }
    return Chart(
      title:
        "\(preview.task): \(percent(summary.positiveShare)) of \(summary.steps) steps positive",
      subtitle: "Lookahead \(lookahead), p = \(percent(summary.requestedPositiveShare)). "
        + "Positive by source: \(shares.joined(separator: ", ")). V from \(origin).",
      x: Axis(label: "advantage A"), y: Axis(label: "steps"), marks: marks)
  }

  private func percent(_ share: Double) -> String { decimal(share * 100, digits: 1) + " %" }

  private func signed(_ value: Double, digits: Int) -> String {
    let text = decimal(abs(value), digits: digits)
    let isZero = !text.contains { ("1"..."9").contains($0) }
    return (value < 0 && !isZero ? "−" : "") + text
  }
}
