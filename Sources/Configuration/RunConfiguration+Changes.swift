extension RunConfiguration {
  /// What another configuration sets differently, a line for each setting by key path, such as
  /// "method.guidance was 1, is 2".
  public func changes(to newer: RunConfiguration) throws -> [String] {
    let (old, new) = (
      try SettingNode(encoding: self).leaves, try SettingNode(encoding: newer).leaves
    )
    return Set(old.keys).union(new.keys).sorted().compactMap { key in
      let (was, isNow) = (old[key] ?? "nothing", new[key] ?? "nothing")
      return was == isNow ? nil : "\(key) was \(was), is \(isNow)"
    }
  }
}

extension SettingNode {
  /// Every value in words, by key path; entries of lists are named where they have names.
  fileprivate var leaves: [String: String] {
    func below(_ entries: [(key: String, value: SettingNode)]) -> [String: String] {
      entries.reduce(into: [:]) { found, entry in
        for (path, text) in entry.value.leaves {
          found[path.isEmpty ? entry.key : "\(entry.key).\(path)"] = text
        }
      }
    }
    switch content {
    case .mapping(let entries) where !entries.isEmpty: return below(entries.map { ($0, $1) })
    case .list(let items) where !items.isEmpty:
      return below(items.enumerated().map { ($1["name"]?.text ?? String($0), $1) })
    default: return ["": description]
    }
  }
}
