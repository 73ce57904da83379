/// How Kubernetes writes names and amounts.
enum KubernetesText {
  /// Whether it is a DNS subdomain, as names of Secrets and storage classes are: at most 253 characters.
  static func isObjectName(_ text: String) -> Bool {
    text.utf8.count <= 253
      && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isPart)
  }

  /// Whether it is a DNS label, as names of namespaces are: at most 63 characters.
  static func isNamespace(_ text: String) -> Bool {
    text.utf8.count <= 63 && isPart(text[...])
  }

  private static func isPart(_ text: Substring) -> Bool {
    func isEnd(_ character: Character?) -> Bool {
      character.map { "abcdefghijklmnopqrstuvwxyz0123456789".contains($0) } ?? false
    }
    return isEnd(text.first) && isEnd(text.last) && text.allSatisfy { isEnd($0) || $0 == "-" }
  }

  /// Whether it is an amount of storage above zero: a number with a unit of 1000 or 1024, or with none for bytes.
  static func isQuantity(_ text: String) -> Bool {
    let number = text.prefix { "0123456789.".contains($0) }
    let units: Set<Substring> = [
      "", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ]
    return Double(number).map { $0 > 0 } ?? false && units.contains(text.dropFirst(number.count))
  }
}
