import CDashboardPage
import Episodes
import Foundation
import HTTPService

/// The page's files: those of the executable, or those of a folder while somebody works on them.
public struct PageFiles: Sendable {
  private struct File: Sendable {
    var bytes: [UInt8]
    var type: String
    var tag: String
  }

  private let files: [String: File]
  private let folder: String?

  /// - Parameter folder: Read anew for every request; nil for what was built in.
  public init(folder: String? = nil) {
    var files: [String: File] = [:]
    var index = 0
    while case let entry = dashboard_page_file(index), let name = entry.name {
      let bytes = Array(UnsafeBufferPointer(start: entry.bytes, count: entry.size))
      files[String(cString: name)] = File(
        bytes: bytes, type: String(cString: entry.media_type),
        tag: ContentDigest(hashing: bytes).short)
      index += 1
    }
    self.files = files
    self.folder = folder
  }

  /// Bytes of all files together.
  public var size: Int { files.values.reduce(0) { $0 + $1.bytes.count } }

  /// - Throws: `HTTPFailure` for a name that no file has.
  func response(_ name: String) throws -> HTTPResponse {
    guard let file = files[name] else { throw HTTPFailure(404, "there is no file \(name)") }
    var response: HTTPResponse
    if let folder, let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)") {
      response = .data(Array(bytes), type: file.type)
    } else {
      response = .data(file.bytes, type: file.type, tag: file.tag)
    }
    // Nothing comes from elsewhere, and no text from a run can become a script.
    response.headers.append(
      (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
          + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
      ))
    response.headers.append(("Referrer-Policy", "no-referrer"))
    return response
  }
}
