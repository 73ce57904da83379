import Foundation
import HTTPService

/// JSON as the page reads it: times are seconds since 1970, what is not finite is null.
enum JSONText {
  static func bytes(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .secondsSince1970
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return Array(try encoder.encode(value))
  }

  static func text(_ value: some Encodable) throws -> String {
    String(decoding: try bytes(value), as: UTF8.self)
  }
}

extension HTTPResponse {
  static func json(_ value: some Encodable, tag: String? = nil) throws -> HTTPResponse {
    .data(try JSONText.bytes(value), type: "application/json", tag: tag)
  }
}

extension HTTPRequest {
  /// A parameter of the query.
  ///
  /// - Throws: `HTTPFailure` where it is missing.
  func required(_ name: String) throws -> String {
    guard let value = query[name], !value.isEmpty else {
      throw HTTPFailure(400, "\(path) needs the parameter '\(name)'")
    }
    return value
  }

  /// A number of the query; nil where it is not given.
  ///
  /// - Throws: `HTTPFailure` for what is no such number.
  func number<Number: LosslessStringConvertible>(
    _ name: String, as type: Number.Type = Number.self
  ) throws -> Number? {
    guard let text = query[name], !text.isEmpty else { return nil }
    guard let number = Number(text) else {
      throw HTTPFailure(400, "\(name): expected a number, got '\(text)'")
    }
    return number
  }
}
