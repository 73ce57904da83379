import Episodes
import ImageFiles

/// How the observations of openpi's clients become those of a policy.
///
/// Clients send maps of any names, also within each other ("images" of "cam_high" is
/// "images/cam_high"). The policy's own columns are known by LeRobot's names and by what openpi makes
/// of them: `observation.state`, `observation/state` and `state` are one, and a camera's images may
/// come under its bare name. Everything else is named by a rule `theirs=ours`.
public struct ObservationMapping: Sendable {
  /// One name of a client and the column that it fills.
  public struct Rule: Sendable, Hashable {
    public var theirs: String
    public var ours: String

    public init(theirs: String, ours: String) {
      self.theirs = theirs
      self.ours = ours
    }

    /// Reads "theirs=ours"; nil without both.
    public init?(_ text: String) {
      guard let place = text.lastIndex(of: "="), place != text.startIndex,
        text.index(after: place) != text.endIndex
      else { return nil }
      theirs = String(text[..<place])
      ours = String(text[text.index(after: place)...])
    }
  }

  /// What the policy reads.
  enum Column: Sendable, Hashable {
    case state(width: Int)
    case environmentState(width: Int)
    case camera(Camera)

    /// LeRobot's name.
    var name: String {
      switch self {
      case .state: "observation.state"
      case .environmentState: "observation.environment_state"
      case .camera(let camera): "observation.images.\(camera.name)"
      }
    }

    var expected: String {
      switch self {
      case .state(let width), .environmentState(let width): "numbers [\(width)]"
      case .camera(let camera): "uint8 [\(camera.height), \(camera.width), 3]"
      }
    }

    /// The keys under which it is found without a rule, in `ObservationMapping.key`'s form.
    var keys: [String] {
      let key = ObservationMapping.key(name)
      if case .camera(let camera) = self { return [key, ObservationMapping.key(camera.name)] }
      return [key]
    }
  }

  let columns: [Column]
  /// The client's names for columns with rules, in the order of the rules.
  private let rules: [Column: [String]]
  private let fillsCameras: Bool
  /// Pixels along a picture that is scaled: scaling takes memory for one side and the camera's other.
  private static let longestSide = 8192

  /// - Parameters:
  ///   - readsImages: Whether the policy looks at the cameras.
  ///   - readsEnvironmentState: Whether it reads where objects are.
  ///   - rules: Several for one column of numbers are put one behind the other.
  ///   - fillsCameras: Whether pictures of another size are cut and scaled to the camera's; otherwise
  ///     they are refused.
  /// - Throws: `ServingError` for a rule that names no column.
  public init(
    _ embodiment: Embodiment, readsImages: Bool, readsEnvironmentState: Bool, rules: [Rule] = [],
    fillsCameras: Bool = false
  ) throws(ServingError) {
    var columns = [Column.state(width: embodiment.proprioceptionWidth)]
    if readsEnvironmentState {
      columns.append(.environmentState(width: embodiment.environmentStateWidth))
    }
    if readsImages { columns += embodiment.cameras.map { .camera($0) } }
    self.columns = columns
    self.fillsCameras = fillsCameras
    var own: [Column: [String]] = [:]
    for rule in rules {
      guard let column = columns.first(where: { $0.keys.contains(Self.key(rule.ours)) }) else {
        throw ServingError(
          "--map \(rule.theirs)=\(rule.ours): the policy reads no '\(rule.ours)'; it reads "
            + columns.map(\.name).joined(separator: ", "))
      }
      if case .camera = column, own[column] != nil {
        throw ServingError("--map \(rule.theirs)=\(rule.ours): the camera has a name already")
      }
      own[column, default: []].append(rule.theirs)
    }
    self.rules = own
  }

  /// A name without what openpi and LeRobot put in front, and with one kind of separator.
  static func key(_ name: String) -> String {
    let key = String(name.map { $0 == "." ? "/" : $0 })
    return key.hasPrefix("observation/") ? String(key.dropFirst("observation/".count)) : key
  }

  /// A client's observation as the policy reads it.
  ///
  /// - Throws: `ServingError` that says for every column at fault what was expected and what came.
  func observation(_ fields: ObservationFields) throws(ServingError) -> Observation {
    var observation = Observation(proprioception: [])
    var faults: [String] = []
    for column in columns {
      do throws(ServingError) {
        switch column {
        case .state(let width):
          observation.proprioception = try numbers(column, width, fields)
        case .environmentState(let width):
          observation.environmentState = try numbers(column, width, fields)
        case .camera(let camera):
          let (name, value) = try sent(column, fields)[0]
          observation.images.append(try picture(value, name, camera))
        }
      } catch {
        faults.append(error.description)
      }
    }
    guard faults.isEmpty else {
      throw ServingError(
        "the observation is not what the policy reads\n"
          + faults.map { "  \($0)\n" }.joined() + "it came with \(fields.summary)")
    }
    return observation
  }

  /// What fills a column, and under which names; not empty.
  private func sent(
    _ column: Column, _ fields: ObservationFields
  ) throws(ServingError) -> [(name: String, value: MessagePackValue)] {
    let names =
      rules[column] ?? column.keys.compactMap { fields.name(ofKey: $0) }.prefix(1).map { $0 }
    var values: [(name: String, value: MessagePackValue)] = []
    for name in names {
      guard let value = fields[name] else {
        throw ServingError("\(name): expected \(column.expected), nothing came under this name")
      }
      values.append((name, value))
    }
    guard !values.isEmpty else {
      throw ServingError(
        "\(column.name): expected \(column.expected), nothing came; a client's own name is given by "
          + "--map NAME=\(column.name)")
    }
    return values
  }

  private func numbers(
    _ column: Column, _ width: Int, _ fields: ObservationFields
  ) throws(ServingError) -> [Float] {
    let sent = try sent(column, fields)
    var numbers: [Float] = []
    for (name, value) in sent {
      guard let part = value.numbers(atMost: width) else {
        throw ServingError("\(name): expected \(column.expected), came \(value.kind)")
      }
      numbers += part
    }
    let names = sent.map(\.name).joined(separator: " and ")
    guard numbers.count == width else {
      let came = sent.map(\.value.kind).joined(separator: " and ")
      throw ServingError("\(names): expected \(column.expected), came \(came)")
    }
    guard numbers.allSatisfy(\.isFinite) else {
      throw ServingError("\(names): holds a value that is not finite as float32")
    }
    return numbers
  }

  private func picture(
    _ value: MessagePackValue, _ name: String, _ camera: Camera
  ) throws(ServingError) -> [UInt8] {
    let size = "\(camera.height), \(camera.width)"
    let expected = "uint8 [\(size), 3] or [3, \(size)]"
    guard case .numpy(let array) = value, array.shape.count == 3,
      array.shape[2] == 3 || array.shape[0] == 3
    else { throw ServingError("\(name): expected \(expected), came \(value.kind)") }
    // Where both ends are 3, channels are last, as most robots have them.
    let isChannelsLast = array.shape[2] == 3
    let (height, width) =
      isChannelsLast ? (array.shape[0], array.shape[1]) : (array.shape[1], array.shape[2])
    let isFitting = height == camera.height && width == camera.width
    let isPicture = min(height, width) > 0 && max(height, width) <= Self.longestSide
    guard isFitting || (fillsCameras && isPicture) else {
      throw ServingError(
        "\(name): expected \(expected), came \(value.kind)"
          + (fillsCameras ? "" : "; --resize scales pictures of other sizes"))
    }
    guard let bytes = array.type.kind == .float ? array.brightness : array.octets else {
      let came = array.type.kind == .float ? "values beyond 0 to 1 in" : "came"
      throw ServingError("\(name): expected \(expected), \(came) \(value.kind)")
    }
    let pixels = isChannelsLast ? bytes : Self.interleaved(bytes, height: height, width: width)
    return isFitting
      ? pixels
      : RGBImage(width: width, height: height, bytes: pixels)
        .filling(width: camera.width, height: camera.height).bytes
  }

  /// [3, height, width] as [height, width, 3].
  private static func interleaved(_ planes: [UInt8], height: Int, width: Int) -> [UInt8] {
    let size = height * width
    var pixels = [UInt8](repeating: 0, count: planes.count)
    for colour in 0..<3 {
      for place in 0..<size { pixels[place * 3 + colour] = planes[colour * size + place] }
    }
    return pixels
  }
}

extension NumPyArray {
  /// The bytes of an array of uint8; nil for another.
  fileprivate var octets: [UInt8]? {
    type.kind == .unsigned && type.size == 1 ? Array(bytes) : nil
  }

  /// Brightness from 0 to 1 as bytes, as openpi's servers round it; nil where it is none.
  fileprivate var brightness: [UInt8]? {
    var octets: [UInt8] = []
    for value in floats {
      guard value >= 0, value <= 1 else { return nil }
      octets.append(UInt8(value * 255))
    }
    return octets
  }
}

extension MessagePackValue {
  /// A row of numbers, or one number; nil for anything else, and for more than `limit`.
  fileprivate func numbers(atMost limit: Int) -> [Float]? {
    switch self {
    case .integer(let number): return [Float(number)]
    case .unsigned(let number): return [Float(number)]
    case .double(let number): return [Float(number)]
    case .numpy(let array):
      return array.shape.count <= 1 && array.count <= limit ? array.floats : nil
    case .array(let values):
      guard values.count <= limit else { return nil }
      var numbers: [Float] = []
      for value in values {
        switch value {
        case .integer, .unsigned, .double: numbers += value.numbers(atMost: 1) ?? []
        default: return nil
        }
      }
      return numbers
    default: return nil
    }
  }
}
