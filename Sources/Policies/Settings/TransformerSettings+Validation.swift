import Networks

extension TransformerSettings {
  /// - Throws: `PolicyError.settings` naming the setting at fault.
  func validate(as name: String) throws(PolicyError) {
    let sizes = [
      ("width", width), ("layers", layers), ("heads", heads), ("keyValueHeads", keyValueHeads),
      ("headWidth", headWidth), ("feedForward", feedForward),
    ]
    for (key, size) in sizes where size < 1 {
      throw .settings("\(name).\(key) is \(size); it must be at least 1")
    }
    guard heads.isMultiple(of: keyValueHeads) else {
      throw .settings(
        "\(name).keyValueHeads is \(keyValueHeads); it must divide heads, which is \(heads)")
    }
    guard headWidth.isMultiple(of: 2) else {
      throw .settings("\(name).headWidth is \(headWidth); rotary positions need an even number")
    }
  }
}
