import Messaging
import RecapAlgorithm

/// What a setting may look like: its keys, types and ranges.
indirect enum Shape: Sendable {
  case boolean
  case integer(Range)
  case number(Range)
  case text(TextRule)
  case choice([String])
  /// A number of pixels, or `off`.
  case cameraSize(Range)
  /// An integer, or a word that stands for one.
  case integerOr(String, Range)
  /// Settings of a run by key path, which are checked with the run's configuration.
  case settings
  /// A mapping of labels' names to their values, as Kubernetes has them.
  case labels
  /// A list of at least `atLeast` entries; mappings in it are told apart by their `name`.
  case list(of: Shape, atLeast: Int)
  case mapping([String: Field])

  /// One key of a mapping.
  struct Field: Sendable {
    var shape: Shape
    /// Whether a file must give it.
    var required = false
    /// Whether it may be empty: `key:` or `key: null`.
    var mayBeNothing = false
  }

  /// Limits of a number.
  struct Range: Sendable {
    var lower: Double?
    var upper: Double?
    var includesLower = true
    var includesUpper = true

    static func atLeast(_ lower: Double) -> Range { Range(lower: lower) }
    static func above(_ lower: Double) -> Range { Range(lower: lower, includesLower: false) }
    static func from(_ lower: Double, to upper: Double) -> Range {
      Range(lower: lower, upper: upper)
    }
    static func from(_ lower: Double, below upper: Double) -> Range {
      Range(lower: lower, upper: upper, includesUpper: false)
    }
    static func above(_ lower: Double, to upper: Double) -> Range {
      Range(lower: lower, upper: upper, includesLower: false)
    }
    static func between(_ lower: Double, _ upper: Double) -> Range {
      Range(lower: lower, upper: upper, includesLower: false, includesUpper: false)
    }

    func contains(_ value: Double) -> Bool {
      guard value.isFinite else { return false }
      if let lower, includesLower ? value < lower : value <= lower { return false }
      if let upper, includesUpper ? value > upper : value >= upper { return false }
      return true
    }

    var description: String {
      let parts = [
        lower.map { (includesLower ? "at least " : "more than ") + Self.text($0) },
        upper.map { (includesUpper ? "at most " : "less than ") + Self.text($0) },
      ]
      return parts.compactMap { $0 }.joined(separator: " and ")
    }

    private static func text(_ value: Double) -> String {
      Int(exactly: value).map(String.init) ?? String(value)
    }
  }

  /// What a text may hold.
  enum TextRule: Sendable {
    case any
    /// A name that is safe in job ids, file names and key paths.
    case name
    /// An endpoint outside of this process.
    case endpoint(Endpoint.Use)
    /// A name of an object of Kubernetes.
    case objectName
    /// An amount of storage as Kubernetes writes it.
    case quantity
    /// A time limit as Slurm writes it.
    case slurmTime

    func accepts(_ text: String) -> Bool {
      switch self {
      case .any: !text.isEmpty
      case .name:
        text.first.map { $0.isLetter || $0.isNumber } == true
          && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
      case .endpoint(let use):
        (try? Endpoint(text, for: use)).map { $0.transport != .inproc } ?? false
      case .slurmTime:
        text.wholeMatch(of: /\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}|UNLIMITED|INFINITE/) != nil
      case .objectName: KubernetesText.isObjectName(text)
      case .quantity: KubernetesText.isQuantity(text)
      }
    }

    var description: String {
      switch self {
      case .any: "a text"
      case .name: "a name of letters, digits, '-' and '_'"
      case .endpoint(let use):
        "an endpoint such as tcp://127.0.0.1:7700 or ipc:///run/recap.sock; a port is 1 to 65535"
          + (use == .listening ? ", or * for any free one" : "")
      case .slurmTime:
        "minutes, or a time limit as Slurm writes it, such as 2:00:00 or 1-12:00:00"
      case .objectName:
        "a name of lower-case letters, digits, '-' and '.', with a letter or digit at both ends"
      case .quantity: "an amount such as 20Gi, 500G or 1.5Ti"
      }
    }
  }

  /// What would be valid, for error messages.
  var description: String {
    switch self {
    case .boolean: "true or false"
    case .integer(let range): "an integer, \(range.description)"
    case .number(let range): "a number, \(range.description)"
    case .text(let rule): rule.description
    case .choice(let names): "one of \(names.joined(separator: ", "))"
    case .cameraSize(let range): "off, or a number of pixels, \(range.description)"
    case .integerOr(let word, let range): "\(word), or an integer, \(range.description)"
    case .settings: "a mapping of settings, such as {method.guidance: 2}"
    case .labels: "a mapping of texts, such as {kubernetes.io/arch: amd64}"
    case .list(let item, let least):
      "a list of \(least > 0 ? "at least \(least) of " : "")\(item.plural)"
    case .mapping(let fields): "a mapping with \(fields.keys.sorted().joined(separator: ", "))"
    }
  }

  private var plural: String {
    switch self {
    case .mapping(let fields):
      "mappings with \(fields.keys.sorted().joined(separator: ", "))"
    case .text: "texts"
    default: "values"
    }
  }
}

// MARK: - Shapes of settings that other modules define

extension Shape {
  /// The shape of a settings type, read from one of its values, so that a setting added to the type
  /// is known here without a second list of names.
  ///
  /// - Parameters:
  ///   - value: A struct of numbers, texts, booleans, optionals of these, and further such structs.
  ///   - ranges: Limits of its numbers, by property name at any depth; a number without one may be
  ///     anything.
  ///   - optionals: What optional structs look like when they are there, by property name.
  static func reflecting(
    _ value: Any, ranges: [String: Range], optionals: [String: Any] = [:]
  ) -> Shape {
    mapping(
      Dictionary(
        uniqueKeysWithValues: Mirror(reflecting: value).children.map { label, child in
          let name = label ?? ""
          return (name, field(name, child, ranges, optionals))
        }))
  }

  private static func field(
    _ name: String, _ value: Any, _ ranges: [String: Range], _ optionals: [String: Any]
  ) -> Field {
    if let example = optionals[name] {
      return Field(shape: reflecting(example, ranges: ranges), mayBeNothing: true)
    }
    if let optional = type(of: value) as? any OptionalSetting.Type {
      guard let leaf = leaf(optional.wrapped, ranges[name]) else {
        preconditionFailure("setting '\(name)': an optional must hold a number, text or boolean")
      }
      return Field(shape: leaf, mayBeNothing: true)
    }
    return Field(
      shape: leaf(type(of: value), ranges[name])
        ?? reflecting(value, ranges: ranges, optionals: optionals))
  }

  private static func leaf(_ type: Any.Type, _ range: Range?) -> Shape? {
    switch type {
    case is Bool.Type: .boolean
    case is any BinaryInteger.Type: .integer(range ?? Range())
    case is any BinaryFloatingPoint.Type: .number(range ?? Range())
    case is String.Type: .text(.any)
    case let choice as any ChoiceSetting.Type: .choice(choice.names)
    default: nil
    }
  }
}

/// A setting that is one of a few names.
protocol ChoiceSetting {
  static var names: [String] { get }
}

extension ChoiceSetting where Self: CaseIterable & RawRepresentable, RawValue == String {
  static var names: [String] { allCases.map(\.rawValue) }
}

extension PolicyExtraction: ChoiceSetting {}
extension JudgingPolicy: ChoiceSetting {}

/// Finds out what an optional would hold.
private protocol OptionalSetting {
  static var wrapped: Any.Type { get }
}

extension Optional: OptionalSetting {
  fileprivate static var wrapped: Any.Type { Wrapped.self }
}
