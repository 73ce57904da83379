import Testing

@testable import Plots

@Suite("Scales and ticks")
struct ScaleTests {
  @Test("A scale maps its ends to its pixels, and y upwards")
  func scale() {
    let x = Scale(domain: 0...10, pixels: (100, 300))
    #expect(x(0) == 100)
    #expect(x(2.5) == 150)
    #expect(x(10) == 300)
    let y = Scale(domain: -1...0, pixels: (200, 40))
    #expect(y(-1) == 200)
    #expect(y(-0.25) == 80)
    #expect(y.clamped(7) == 40)
  }

  @Test(
    "Steps are 1, 2 or 5 times a power of ten",
    arguments: [
      (1.0, 5, 0.2), (10, 5, 2), (0.3, 3, 0.1), (0.31, 3, 0.2), (97, 4, 50), (1000, 10, 100),
      (3, 8, 0.5),
    ])
  func step(span: Double, count: Int, expected: Double) {
    #expect(abs(Ticks.step(span: span, count: count, integral: false) - expected) < 1e-12)
  }

  @Test("Integers have no half steps")
  func integral() {
    #expect(Ticks.step(span: 3, count: 8, integral: true) == 1)
    #expect(Ticks.step(span: 300, count: 4, integral: true) == 100)
  }

  @Test("Ticks lie in the range, and 0 is 0")
  func values() {
    #expect(Ticks.values(in: -1...0, step: 0.5) == [-1, -0.5, 0])
    #expect(Ticks.values(in: 0.1...0.9, step: 0.5) == [0.5])
  }

  @Test(
    "Texts have the digits that the step needs",
    arguments: [
      (0.0, 0.2, "0.0"), (-0.4, 0.2, "−0.4"), (1500, 500, "1500"), (15000, 5000, "15,000"),
      (1_234_567, 1, "1,234,567"), (0.25, 0.05, "0.25"), (-0.0, 1, "0"), (2e7, 1e7, "2×10⁷"),
      (1.5e-5, 5e-6, "1.5×10⁻⁵"),
    ])
  func label(value: Double, step: Double, expected: String) {
    #expect(Ticks.label(value, step: step) == expected)
    #expect(Ticks.label(5000, step: 5000) == "5000")
    #expect(Ticks.label(5000, step: 5000, grouped: true) == "5,000")
  }

  @Test("Text is broken at spaces and cut where it must be")
  func text() {
    let width = TextMeasure.width(of: "aaaa bbbb", size: 10)
    #expect(TextMeasure.lines("aaaa bbbb cccc", width: width, size: 10) == ["aaaa bbbb", "cccc"])
    #expect(TextMeasure.lines("", width: width, size: 10) == [])
    #expect(TextMeasure.shortened("aaaa", width: 100, size: 10) == "aaaa")
    #expect(TextMeasure.shortened("aaaa bbbb", width: 30, size: 10) == "aaa…")
  }
}
