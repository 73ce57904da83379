import DurableFiles
import Experiments
import Foundation
import Plots

/// The files that show an experiment's results: `report.html`, `report.json` as `recap report --json` prints it, and each
/// chart in `figures` as SVG and PNG.
enum ExperimentOutput {
  /// Writes them anew.
  ///
  /// - Returns: The page's path, and what went wrong with pictures.
  static func write(
    _ report: ExperimentReport, of record: ExperimentRecord, to directory: String
  ) throws -> (page: String, problems: [String]) {
    let page = ExperimentPage(
      record: record, report: report, directory: directory, version: recapVersion)
    let folder = "\(directory)/figures"
    // A figure that the file has no more must not stay.
    if FileManager.default.fileExists(atPath: folder) {
      try FileManager.default.removeItem(atPath: folder)
    }
    let charts = page.figures.flatMap(\.charts)
    if !charts.isEmpty {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    var problems: [String] = []
    for chart in charts {
      let path = "\(folder)/\(chart.name)"
      try write(Array(chart.svgAlone.utf8), "\(path).svg")
      do {
        try write(try PNGPicture.png(svg: chart.svgAlone), "\(path).png")
      } catch let error as PNGPictureError {
        problems.append("\(path).png: \(error)")
      }
    }
    try write(Array("\(try report.json())\n".utf8), "\(directory)/report.json")
    let path = "\(directory)/report.html"
    try write(Array(page.html.utf8), path)
    return (path, problems)
  }

  private static func write(_ bytes: [UInt8], _ path: String) throws {
    try DurableFile.write(bytes, to: path)
  }
}
