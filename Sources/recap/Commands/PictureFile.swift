import ArgumentParser
import Foundation
import Plots

/// A file for a chart on the command line; what its name ends with tells the form.
struct PictureFile: ExpressibleByArgument {
  enum Form: String, CaseIterable { case svg, png, html }

  var path: String
  var form: Form

  /// What `--help` says of such a file.
  static let forms = "its name ends in .svg, .png or .html"

  init(path: String, form: Form) {
    self.path = path
    self.form = form
  }

  init?(argument: String) {
    guard let form = Form(rawValue: URL(filePath: argument).pathExtension.lowercased()) else {
      return nil
    }
    self.init(path: argument, form: form)
  }

  /// Draws a chart into the file, which is there as a whole or not at all.
  func write(_ chart: Chart, width: Int = 720, height: Int = 420) throws {
    let svg = chart.svg(width: width, height: height)
    let bytes =
      switch form {
      case .svg: Array(svg.utf8)
      case .png: try PNGPicture.png(svg: svg)
      case .html: Array(ChartPage.html(title: chart.title, charts: [svg]).utf8)
      }
    do {
      try Data(bytes).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw CannotWrite(path: path, reason: error.localizedDescription)
    }
  }
}

/// A file that cannot be made.
struct CannotWrite: Error, CustomStringConvertible {
  var path: String
  var reason: String

  var description: String { "cannot write \(path): \(reason)" }
}
