import Foundation

/// Files of `Fixtures`, each written by the script beside it.
enum Fixture {
  static func bytes(_ name: String) throws -> [UInt8] {
    let folder = Bundle.module.bundleURL.appending(path: "Fixtures")
    return Array(try Data(contentsOf: folder.appending(path: name)))
  }

  static func decoded<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(bytes(name)))
  }
}
