import Foundation
import Testing

@testable import Plots

@Suite("Charts")
struct ChartTests {
  private static let x = Axis(label: "step", range: 0...100)
  private static let y = Axis(label: "value", range: 0...10)

  private static func line(_ points: [(Double, Double)], error: Double? = nil) -> Marks {
    .line(name: "", points: points.map { Point(x: $0.0, y: $0.1, error: error) })
  }

  @Test("A document says what it shows, to eyes and to screen readers")
  func words() throws {
    let chart = Chart(
      title: "A < B & “C”", subtitle: "from D", x: Self.x, y: Self.y,
      marks: [Self.line([(0, 0), (100, 10)])])
    let drawn = try DrawnChart(chart)
    let root = try #require(drawn.elements.first)
    #expect(root.name == "svg")
    #expect(root.attributes["role"] == "img")
    #expect(root.attributes["viewBox"] == "0 0 720 420")
    let ids = try #require(root.attributes["aria-labelledby"]).split(separator: " ").map(
      String.init)
    #expect(drawn.all("title").first?.attributes["id"] == ids[0])
    #expect(drawn.all("title").first?.text == "A < B & “C”")
    #expect(drawn.all("desc").first?.attributes["id"] == ids[1])
    #expect(try #require(drawn.all("desc").first).text.contains("2 values from 0 to 10"))
    for text in ["A < B & “C”", "from D", "step", "value"] { _ = try drawn.text(text) }
  }

  @Test("Nothing comes from outside, and dark screens have their colours")
  func selfContained() {
    let svg = Chart(title: "t", x: Self.x, y: Self.y, marks: []).svg()
    #expect(svg.components(separatedBy: "http").count == 2, "only the name space")
    #expect(!svg.contains("<script") && !svg.contains("@import") && !svg.contains("url("))
    #expect(svg.contains("prefers-color-scheme: dark"))
  }

  @Test("A line's points lie where the ticks say")
  func positions() throws {
    let chart = Chart(
      title: "t", x: Self.x, y: Self.y, marks: [Self.line([(0, 0), (50, 5), (100, 10)])])
    let drawn = try DrawnChart(chart)
    let points = try drawn.path("stroke-s0")
    // Texts of y ticks hang 4 pixels lower than their value, those of x ticks have their middles
    // at it.
    let (zero, ten) = (try drawn.text("0", tickOf: .y), try drawn.text("10", tickOf: .y))
    #expect(points[0].y == zero - 4)
    #expect(points[2].y == ten - 4)
    #expect(abs(points[1].y - (zero + ten - 8) / 2) < 0.011)
    let (left, right) = (try drawn.text("0", tickOf: .x), try drawn.text("100", tickOf: .x))
    #expect(points[0].x == left)
    #expect(points[2].x == right)
    #expect(abs(points[1].x - (left + right) / 2) < 0.011)
    #expect(drawn.all("circle").count == 3)
  }

  @Test("Bars stand side by side on 0, with whiskers as long as their errors")
  func bars() throws {
    let chart = Chart(
      title: "t", x: Axis(label: "", categories: ["a", "b"]),
      y: Axis(label: "", range: -10...10),
      marks: [
        .bars(name: "one", values: [Bar(value: 5), Bar(value: -5, error: 2)]),
        .bars(name: "two", values: [Bar(value: 10), Bar(value: .nan)]),
      ])
    let drawn = try DrawnChart(chart)
    let unit = (try drawn.text("−10", tickOf: .y) - (try drawn.text("10", tickOf: .y))) / 20
    let zero = try drawn.text("0", tickOf: .y) - 4
    let one = drawn.all("rect", "fill-s0").filter { $0.attributes["height"] != "10" }
    let two = drawn.all("rect", "fill-s1").filter { $0.attributes["height"] != "10" }
    #expect(one.count == 2 && two.count == 1)
    #expect(abs(try one[0].number("height") - 5 * unit) < 0.02)
    #expect(abs(try one[0].number("y") + 5 * unit - zero) < 0.02)
    #expect(abs(try one[1].number("y") - zero) < 0.02, "a negative bar hangs from 0")
    #expect(abs(try two[0].number("height") - 10 * unit) < 0.02)
    let end = try one[0].number("x") + one[0].number("width")
    #expect(end <= (try two[0].number("x")))
    let whisker = try #require(drawn.all("line", "whisker").first)
    let length = abs(try whisker.number("y2") - whisker.number("y1"))
    #expect(abs(length - 4 * unit) < 0.02)
    #expect(try drawn.text("two").number("y") == (try drawn.text("one").number("y")))
  }

  @Test("A category without a bar says so, and one with a bar of 0 does not")
  func emptyCategories() throws {
    func words(_ values: [[Double]]) throws -> [DrawnChart.Element] {
      try DrawnChart(
        Chart(
          title: "t", x: Axis(label: "", categories: ["a", "b"]), y: Axis(label: ""),
          marks: values.map { .bars(name: "", values: $0.map { Bar(value: $0) }) })
      ).all("text").filter { $0.text == "no data" }
    }
    let found = try words([[0, .nan]])
    #expect(found.count == 1)
    #expect(try #require(found.first).number("x") > 360)
    #expect(try words([[0, .nan], [1, 2]]).isEmpty)
    #expect(try words([[0, 3]]).isEmpty)
  }

  @Test("A point says what it is, and an axis without a label is not described")
  func names() throws {
    let chart = Chart(
      title: "t", x: Axis(label: "", categories: ["a"]), y: Self.y,
      marks: [.points(name: "each seed", points: [Point(x: 0, y: 5, name: "a, seed 7")])])
    let drawn = try DrawnChart(chart)
    #expect(drawn.all("title").map(\.text).contains("a, seed 7: 5"))
    let words = try #require(drawn.all("desc").first).text
    #expect(words.hasPrefix("Vertical: value."))
  }

  @Test("A histogram's bins reach from edge to edge")
  func histogram() throws {
    let chart = Chart(
      title: "t", x: Axis(label: "", range: 0...4), y: Axis(label: "", range: 0...4),
      marks: [.histogram(name: "", edges: [0, 1, 3], counts: [4, 2])])
    let bins = try DrawnChart(chart).all("rect", "fill-s0")
    #expect(bins.count == 2)
    let width = try bins[0].number("width") + 1
    #expect(abs(try bins[1].number("width") + 1 - 2 * width) < 0.02)
    #expect(abs(try bins[0].number("height") - 2 * bins[1].number("height")) < 0.02)
  }

  @Test("A line is interrupted where it is no number, and an empty chart is a chart")
  func gaps() throws {
    let chart = Chart(
      title: "t", x: Self.x, y: Self.y,
      marks: [Self.line([(0, 1), (1, 2), (2, .nan), (3, 3), (4, .infinity)], error: .nan)])
    let drawn = try DrawnChart(chart)
    let path = try #require(drawn.all("path", "stroke-s0").first?.attributes["d"])
    #expect(path.filter { $0 == "M" }.count == 2)
    #expect(drawn.all("circle").count == 3)
    let empty = Chart(title: "", x: Axis(label: ""), y: Axis(label: ""), marks: [])
    #expect(try DrawnChart(empty).all("text").count > 4)
    let single = Chart(
      title: "", x: Axis(label: ""), y: Axis(label: ""), marks: [Self.line([(3, 0.5)])])
    #expect(try DrawnChart(single).all("circle").count == 1)
  }

  @Test("Errors are whiskers of few points and a band of many")
  func errors() throws {
    func chart(_ count: Int) -> Chart {
      Chart(
        title: "t", x: Self.x, y: Self.y,
        marks: [Self.line((0..<count).map { (Double($0), 5) }, error: 1)])
    }
    #expect(try DrawnChart(chart(30)).all("line", "whisker").count == 90)
    #expect(try DrawnChart(chart(30)).all("path", "band").isEmpty)
    let band = try DrawnChart(chart(31))
    #expect(band.all("line", "whisker").isEmpty && band.all("circle").isEmpty)
    #expect(try band.path("band").count == 62)
  }

  @Test("An axis has room for its marks, and none below 0 for what is never negative")
  func room() throws {
    func range(_ marks: [Marks]) -> ClosedRange<Double> {
      ChartExtent(Chart(title: "", x: Axis(label: ""), y: Axis(label: ""), marks: marks)).y
    }
    #expect(range([Self.line([(0, 10), (1, 30)])]) == 9...31)
    #expect(range([Self.line([(0, 10), (1, 30)], error: 10)]) == 0...42)
    #expect(range([Self.line([(0, -30), (1, -1)])]).upperBound == 0)
    // What is always 0 has an axis from 0.
    #expect(range([.bars(name: "", values: [Bar(value: 0)])]).lowerBound == 0)
    let started = Chart(
      title: "", x: Axis(label: ""), y: Axis(label: "", start: 0),
      marks: [Self.line([(0, 100), (1, 110)])])
    #expect(ChartExtent(started).y.lowerBound == 0)
    #expect(ChartExtent(started).y.upperBound > 110)
    #expect(range([.bars(name: "", values: [Bar(value: 20), Bar(value: 10)])]) == 0...21)
  }

  @Test("Lines with whiskers do not cover each other")
  func shifted() throws {
    let marks = ["a", "b"].map {
      Marks.line(name: $0, points: [Point(x: 50, y: 5, error: 1)])
    }
    let drawn = try DrawnChart(Chart(title: "t", x: Self.x, y: Self.y, marks: marks))
    let whiskers = drawn.all("line", "whisker").filter {
      $0.attributes["x1"] == $0.attributes["x2"]
    }
    #expect(whiskers.count == 2)
    #expect(abs(try whiskers[1].number("x1") - whiskers[0].number("x1") - 6) < 0.02)
  }

  @Test("Texts of close rules do not overlap")
  func lanes() throws {
    let rules = (0..<6).map {
      Marks.verticalRule(x: 50 + Double($0), label: "threshold \($0)", emphasis: .normal)
    }
    let chart = Chart(title: "t", x: Self.x, y: Self.y, marks: rules)
    let texts = try DrawnChart(chart).all("text").filter { $0.text.hasPrefix("threshold") }
    #expect(texts.count == 6)
    for (index, a) in texts.enumerated() {
      for b in texts[..<index] where try a.number("y") == (try b.number("y")) {
        let width = TextMeasure.width(of: a.text, size: Style.tickSize)
        #expect(abs(try a.number("x") - b.number("x")) >= width)
      }
    }
  }

  @Test("A stretch's text stands above it, or in the legend where several have it")
  func spans() throws {
    let chart = Chart(
      title: "t", x: Self.x, y: Self.y,
      marks: [
        .span(x: 10...20, label: "corrected", emphasis: .normal),
        .span(x: 30...40, label: "corrected", emphasis: .normal),
        .span(x: 50...60, label: "drop", emphasis: .strong),
        .strip(name: "positive", stretches: [0...5, 90...200]),
      ])
    let drawn = try DrawnChart(chart)
    // With the swatch in the legend, which is shaded as they are.
    #expect(drawn.all("rect", "span").count == 4)
    #expect(drawn.all("text").filter { $0.text == "corrected" }.count == 1)
    let corrected = try drawn.text("corrected")
    #expect(try corrected.number("y") < (try drawn.text("drop").number("y")))
    #expect(try corrected.number("y") == (try drawn.text("positive").number("y")))
    // The strip ends with the axis.
    let strips = drawn.all("rect", "fill-s2").filter { !$0.has("solid") }
    #expect(strips.count == 2)
    let end = try strips[1].number("x") + strips[1].number("width")
    #expect(abs(end - (try drawn.text("100", tickOf: .x))) < 0.02)
  }

  @Test("Pictures stand in order, beside each other, within the plot")
  func pictures() throws {
    let pictures = [90.0, 0, 5, 10].map {
      Picture(x: $0, png: [1, 2, 3], width: 40, height: 30, caption: "at \(Int($0))")
    }
    let chart = Chart(title: "t", x: Self.x, y: Self.y, marks: [], pictures: pictures)
    let drawn = try DrawnChart(chart)
    let images = drawn.all("image")
    #expect(
      images.map { $0.attributes["href"] }
        == Array(repeating: "data:image/png;base64,AQID", count: 4))
    var end = try drawn.text("0", tickOf: .x)
    for image in images {
      #expect(try image.number("x") >= end - 0.02)
      end = try image.number("x") + image.number("width")
      #expect(abs(try image.number("height") / image.number("width") - 0.75) < 0.01)
    }
    #expect(end <= (try drawn.text("100", tickOf: .x)) + 0.02)
  }

  @Test("Equal charts are equal text, and different ones have different ids")
  func identity() throws {
    let one = Chart(title: "one", x: Self.x, y: Self.y, marks: [])
    let two = Chart(title: "two", x: Self.x, y: Self.y, marks: [])
    #expect(one.svg() == one.svg())
    let page = ChartPage.html(title: "a & b", charts: [one.svg(), two.svg()])
    #expect(page.contains("<title>a &amp; b</title>"))
    let ids = try [one, two].map { try DrawnChart($0).all("desc").first?.attributes["id"] }
    #expect(ids[0] != ids[1])
  }

  @Test("Wide names of categories are turned, and long titles broken")
  func crowding() throws {
    let names = (0..<12).map { "a rather long category \($0)" }
    let chart = Chart(
      title: String(repeating: "many words ", count: 20),
      x: Axis(label: "", categories: names), y: Self.y,
      marks: [.bars(name: "", values: names.map { _ in Bar(value: 5) })])
    let drawn = try DrawnChart(chart, width: 480, height: 400)
    #expect(drawn.all("text").filter { $0.attributes["transform"] != nil }.count >= 12)
    for text in drawn.all("text", "tick") where text.attributes["transform"] != nil {
      let width = TextMeasure.width(of: text.text, size: Style.tickSize)
      #expect(try text.number("x") - width * 0.82 >= 0, "'\(text.text)' begins in the picture")
    }
    #expect(drawn.all("text", "title").count > 1)
    for title in drawn.all("text", "title") {
      #expect(TextMeasure.width(of: title.text, size: Style.titleSize, bold: true) <= 480)
    }
  }
}

extension DrawnChart {
  enum Side { case x, y }

  /// Where the tick with this text is, along its axis.
  func text(_ text: String, tickOf side: Side) throws -> Double {
    let tick = try #require(
      all("text", "tick").first {
        $0.text == text && $0.attributes["text-anchor"] == (side == .x ? "middle" : "end")
      }, "no tick '\(text)'")
    return try tick.number(side == .x ? "x" : "y")
  }
}
