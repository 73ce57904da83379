import Foundation
import Testing

@testable import Plots

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// An SVG as its elements, in order.
struct DrawnChart {
  struct Element {
    var name: String
    var attributes: [String: String]
    var text = ""

    func number(_ attribute: String) throws -> Double {
      try #require(attributes[attribute].flatMap(Double.init))
    }

    func has(_ style: String) -> Bool {
      attributes["class"]?.split(separator: " ").contains(Substring(style)) ?? false
    }
  }

  let elements: [Element]

  init(_ chart: Chart, width: Int = 720, height: Int = 420) throws {
    try self.init(svg: chart.svg(width: width, height: height))
  }

  /// - Throws: Where the text is no XML.
  init(svg: String) throws {
    let parser = XMLParser(data: Data(svg.utf8))
    let collector = Collector()
    parser.delegate = collector
    guard parser.parse() else { throw NoXML(reason: "\(String(describing: parser.parserError))") }
    elements = collector.elements
  }

  func all(_ name: String, _ style: String? = nil) -> [Element] {
    elements.filter { element in element.name == name && (style.map { element.has($0) } ?? true) }
  }

  /// The element with this text.
  func text(_ text: String) throws -> Element {
    try #require(all("text").first { $0.text == text }, "no text '\(text)'")
  }

  /// The corners of the only path with this style.
  func path(_ style: String) throws -> [(x: Double, y: Double)] {
    let path = try #require(all("path", style).last?.attributes["d"])
    return path.split { "MLZ".contains($0) }.map { pair in
      let parts = pair.split(separator: " ").compactMap { Double($0) }
      return (parts[0], parts[1])
    }
  }

  struct NoXML: Error { var reason: String }

  private final class Collector: NSObject, XMLParserDelegate {
    var elements: [Element] = []
    private var open: [Int] = []

    func parser(
      _: XMLParser, didStartElement name: String, namespaceURI _: String?,
      qualifiedName _: String?, attributes: [String: String]
    ) {
      open.append(elements.count)
      elements.append(Element(name: name, attributes: attributes))
    }

    func parser(_: XMLParser, foundCharacters text: String) {
      if let last = open.last { elements[last].text += text }
    }

    func parser(
      _: XMLParser, didEndElement _: String, namespaceURI _: String?, qualifiedName _: String?
    ) {
      open.removeLast()
    }
  }
}
