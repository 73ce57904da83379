import Episodes
import Foundation
import GRDB

/// Reads a row's cells, and says which table and column disappoints instead of trapping: catalogues
/// get edited by hand and damaged by disks.
struct RowReader {
  private let row: Row
  private let table: String

  init(_ row: Row, table: String) {
    self.row = row
    self.table = table
  }

  subscript<T: DatabaseValueConvertible>(_ column: String) -> T {
    get throws {
      guard let value = try optional(column, as: T.self) else { throw malformed(column) }
      return value
    }
  }

  func optional<T: DatabaseValueConvertible>(
    _ column: String, as type: T.Type = T.self
  ) throws -> T? {
    guard let value = row[column] as DatabaseValue? else { throw malformed(column) }
    if value.isNull { return nil }
    guard let converted = T.fromDatabaseValue(value) else { throw malformed(column) }
    return converted
  }

  func raw<T: RawRepresentable>(_ column: String) throws -> T where T.RawValue == String {
    guard let value = T(rawValue: try self[column]) else { throw malformed(column) }
    return value
  }

  func digest(_ column: String) throws -> ContentDigest { try raw(column) }

  func optionalDigest(_ column: String) throws -> ContentDigest? {
    try optional(column, as: String.self) == nil ? nil : digest(column)
  }

  func date(_ column: String) throws -> Date {
    Date(timeIntervalSince1970: try self[column])
  }

  func json<T: Decodable>(_ column: String) throws -> T {
    let text: String = try self[column]
    guard let value = try? JSONDecoder().decode(T.self, from: Data(text.utf8)) else {
      throw malformed(column)
    }
    return value
  }

  func optionalJSON<T: Decodable>(_ column: String) throws -> T? {
    try optional(column, as: String.self) == nil ? nil : json(column)
  }

  func malformed(_ column: String) -> ArchiveError {
    let value = (row[column] as DatabaseValue?).map(\.description) ?? "no such column"
    return .malformedRow(table: table, column: column, value: value)
  }
}

/// JSON with sorted keys, so that equal values are equal text.
func jsonText(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
