import Episodes
import RecapAlgorithm
import Testing

@testable import PolicyServing

struct InterpreterTests {
  private func error(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  private func read(
    _ fields: [(String, MessagePackValue)], _ interpreter: ServingInterpreter
  ) throws -> (Observation, TaskDescription, AdvantageIndicator) {
    let message = MessagePackValue.map(fields.map { .init(key: .string($0.0), value: $0.1) })
      .message
    guard case .infer(let observation, let task, let indicator) = try interpreter.request(message)
    else { throw ServingError("no observation") }
    return (observation, task, indicator)
  }

  private static let state = MessagePackValue.numpy(NumPyArray([1, 2, 3], shape: [3]))
  private static let objects = MessagePackValue.numpy(NumPyArray([4, 5], shape: [2]))
  private static let pixels = [UInt8](0..<96)
  private static let image = Toy.picture(pixels, 4, 8, 3)

  @Test(
    "columns have LeRobot's names or openpi's",
    arguments: [
      ["observation.state", "observation.environment_state", "observation.images.base"],
      ["observation/state", "observation/environment_state", "observation/images/base"],
      ["state", "environment_state", "images/base"], ["state", "environment_state", "base"],
      ["observation/state", "environment_state", "observation/base"],
    ])
  func names(names: [String]) throws {
    let (observation, task, indicator) = try read(
      [
        (names[0], Self.state), (names[1], Self.objects), (names[2], Self.image),
        ("prompt", .string("wipe the table")), ("something/else", .null),
      ], Toy.interpreter())
    #expect(
      observation
        == Observation(
          proprioception: [1, 2, 3], environmentState: [4, 5], images: [Self.pixels]))
    #expect(task == Toy.wipe)
    #expect(indicator == .positive)
  }

  @Test("maps within the observation, rules, joined columns and planes of colours")
  func aloha() throws {
    let planes = (0..<3).flatMap { colour in (0..<32).map { Self.pixels[$0 * 3 + colour] } }
    let interpreter = try Toy.interpreter(rules: [
      .init("observation/joints=state")!, .init("gripper=observation.state")!,
      .init("images/cam_high=base")!, .init("poses=environment_state")!,
    ])
    let (observation, _, _) = try read(
      [
        ("observation/joints", .numpy(NumPyArray([1, 2], shape: [2]))), ("gripper", .double(3)),
        ("images", .record(["cam_high": Toy.picture(planes, 3, 4, 8)])),
        ("poses", .array([.integer(4), .double(5)])), ("prompt", .string("pour")),
      ], interpreter)
    #expect(
      observation
        == Observation(
          proprioception: [1, 2, 3], environmentState: [4, 5], images: [Self.pixels]))
  }

  @Test("a mismatch says for every column what was expected and what came")
  func mismatch() throws {
    let interpreter = try Toy.interpreter()
    let text = error {
      _ = try read(
        [
          ("observation/state", .numpy(NumPyArray([1, 2], shape: [2]))),
          ("observation/image", Self.image), ("prompt", .string("pour")),
        ], interpreter)
    }
    #expect(
      text == """
        the observation is not what the policy reads
          observation/state: expected numbers [3], came float32 [2]
          observation.environment_state: expected numbers [2], nothing came; a client's own name is \
        given by --map NAME=observation.environment_state
          observation.images.base: expected uint8 [4, 8, 3], nothing came; a client's own name is \
        given by --map NAME=observation.images.base
        it came with observation/state: float32 [2], observation/image: uint8 [4, 8, 3], prompt: text
        """)
  }

  @Test(
    "columns of another kind are refused",
    arguments: [
      ("state", .string("x"), "state: expected numbers [3], came text"),
      ("state", .numpy(NumPyArray([1, 2, 3], shape: [1, 3])), "came float32 [1, 3]"),
      ("state", .numpy(NumPyArray([1, .nan, 3], shape: [3])), "not finite"),
      ("state", .array([.integer(1), .null, .integer(2)]), "came a list of 3"),
      ("base", .binary([1, 2]), "came 2 bytes"),
      (
        "base", Toy.picture([UInt8](repeating: 0, count: 96), 8, 4, 3),
        "came uint8 [8, 4, 3]; --resize"
      ),
      (
        "base", .numpy(NumPyArray([Float](repeating: 2, count: 96), shape: [4, 8, 3])),
        "beyond 0 to 1"
      ),
      ("adv_ind", .string("maybe"), "adv_ind: expected 'positive', 'negative' or 'none'"),
      ("adv_ind", .integer(1), "adv_ind: expected text, came an integer"),
      ("endpoint", .string("close"), "endpoint: expected 'infer' or 'reset'"),
      ("prompt", .string("sing"), "prompt: expected 'pour a cup of tea' (pour), 'wipe the table'"),
    ] as [(String, MessagePackValue, String)])
  func wrong(name: String, value: MessagePackValue, reason: String) throws {
    let good: [(String, MessagePackValue)] = [
      ("state", Self.state), ("environment_state", Self.objects), ("base", Self.image),
      ("prompt", .string("pour")),
    ]
    let interpreter = try Toy.interpreter()
    _ = try read(good, interpreter)
    let text = error {
      _ = try read(good.filter { $0.0 != name } + [(name, value)], interpreter)
    }
    #expect(text.contains(reason), "\(text)")
  }

  @Test("what is no map of names is refused")
  func noMap() throws {
    let interpreter = try Toy.interpreter()
    #expect(error { _ = try interpreter.request([0x01]) }.contains("came an integer"))
    #expect(error { _ = try interpreter.request([0x81, 0x01, 0x01]) }.contains("names of text"))
    #expect(error { _ = try interpreter.request([0xc1]) }.contains("no MessagePack: byte 0"))
  }

  @Test("the dialects: the indicator of each request, and the start of an episode")
  func dialects() throws {
    let interpreter = try Toy.interpreter(task: "pour")
    for (text, indicator) in [
      ("positive", .positive), ("Negative", .negative), ("none", .absent),
    ] as [(String, AdvantageIndicator)] {
      let message = Toy.message(
        Toy.observation(1), prompt: nil,
        more: [("adv_ind", .string(text)), ("endpoint", .string("infer"))])
      guard case .infer(_, let task, let read) = try interpreter.request(message) else {
        return #expect(Bool(false), "no observation")
      }
      #expect(read == indicator)
      #expect(task == Toy.pour)
    }
    guard
      case .reset = try interpreter.request(
        MessagePackValue.record(["endpoint": .string("reset")]).message)
    else { return #expect(Bool(false), "no reset") }
  }

  @Test("prompts may differ in case, space and full stops, and be missing where one task is meant")
  func prompts() throws {
    let interpreter = try Toy.interpreter()
    let request = try interpreter.request(
      Toy.message(Toy.observation(1), prompt: "  Wipe the  table. "))
    guard case .infer(_, let task, _) = request else { return #expect(Bool(false)) }
    #expect(task == Toy.wipe)
    #expect(
      error { _ = try interpreter.request(Toy.message(Toy.observation(1), prompt: nil)) }
        .contains("nothing came"))
    let only = try Toy.interpreter(tasks: [Toy.wipe])
    _ = try only.request(Toy.message(Toy.observation(1), prompt: nil))
    #expect(error { _ = try Toy.interpreter(task: "sing") }.contains("it knows pour, wipe"))
  }

  @Test("pictures of another size are scaled where that is wanted; brightness becomes bytes")
  func pictures() throws {
    let interpreter = try Toy.interpreter(resizes: true)
    let grey = Toy.picture([UInt8](repeating: 77, count: 16 * 16 * 3), 16, 16, 3)
    let bright = MessagePackValue.numpy(
      NumPyArray([Float](repeating: 0.5, count: 96), shape: [3, 4, 8]))
    for (image, byte) in [(grey, 77), (bright, 127)] as [(MessagePackValue, UInt8)] {
      let (observation, _, _) = try read(
        [
          ("state", Self.state), ("environment_state", Self.objects), ("base", image),
          ("prompt", .string("pour")),
        ], interpreter)
      #expect(observation.images == [[UInt8](repeating: byte, count: 96)])
    }
    let none = Toy.picture([], 0, 0, 3)
    #expect(
      error {
        _ = try read(
          [
            ("state", Self.state), ("environment_state", Self.objects), ("base", none),
            ("prompt", .string("pour")),
          ], interpreter)
      }.contains("came uint8 [0, 0, 3]"))
  }

  @Test("a rule for a column that the policy does not read is refused")
  func rules() {
    #expect(
      error { _ = try Toy.interpreter(rules: [.init("image=wrist")!]) }.contains(
        "reads no 'wrist'; it reads observation.state"))
    #expect(
      error { _ = try Toy.interpreter(rules: [.init("a=base")!, .init("b=base")!]) }.contains(
        "a name already"))
    for wrong in ["", "=", "a=", "=b", "ab"] { #expect(ObservationMapping.Rule(wrong) == nil) }
  }
}
