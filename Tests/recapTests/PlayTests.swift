import Episodes
import Executors
import Foundation
import RecapAlgorithm
import Robots
import Testing

@testable import recap

/// Playing with the keyboard: keys, who is in control, and a whole process at a terminal.
@Suite struct PlayTests {
  @Test("keys are read whole, however their bytes come")
  func decoding() {
    var decoder = KeyDecoder()
    func keys(_ text: String) -> [PlayKey] { decoder.keys(Array(text.utf8)) }
    #expect(keys("aw\t ") == [.character("a"), .character("w"), .tab, .character(" ")])
    #expect(keys("\u{1B}[A\u{1B}OD\u{1B}[5~") == [.up, .left, .pageUp])
    #expect(keys("\u{1B}") == [] && keys("[") == [] && keys("B") == [.down])
    #expect(keys("\u{1B}") == [] && keys("") == [.escape], "nothing follows")
    #expect(keys("\u{1B}[1;5Hq") == [.character("q")], "a key that means nothing here")
    #expect(keys("\u{3}\u{0}é") == [.interrupt])
  }

  @Test(
    "a press moves one arm for a few steps; the other way stops first; grippers keep their command")
  func teleoperation() {
    var hands = Teleoperation()
    hands.begin(apertures: [1, 0.2])
    #expect(hands.nextAction() == [0, 0, 0, -1, 0, 0, 0, 1], "what is held stays held")
    #expect(hands.press(.right) == nil && hands.press(.character("r")) == nil)
    for _ in 0..<Teleoperation.holdSteps {
      #expect(hands.nextAction() == [1, 0, 1, -1, 0, 0, 0, 1])
    }
    #expect(hands.nextAction() == [0, 0, 0, -1, 0, 0, 0, 1])
    _ = hands.press(.up)
    _ = hands.press(.down)
    #expect(hands.nextAction()[1] == 0)
    _ = hands.press(.down)
    #expect(hands.nextAction()[1] == -1)
    _ = hands.press(.tab)
    _ = hands.press(.character(" "))
    _ = hands.press(.character("x"))
    #expect(hands.nextAction() == [0, 0, 0, -1, 0, 0, 0, -1] && hands.arm == 1)
    #expect(hands.press(.character("t")) == .changeHands && hands.press(.escape) == .quit)
  }

  @Test("a person takes over from the policy in the middle of a chunk, and hands back")
  func takingOver() async throws {
    let terminal = TypedTerminal()
    let robot = try player(terminal)
    // Any key begins; then nothing for two steps, then t and a move.
    terminal.type([" ", nil, nil, "td", nil, nil, "t"])
    let first = try await robot.begin(task: "espresso", seed: 3, supervision: .corrections)
    #expect(!first.personInControl)
    let chunk = ActionChunk(values: [Float](repeating: 0.5, count: 5 * 8), width: 8)
    let turn = try await robot.execute(chunk, steps: 5)
    #expect(turn.steps.map(\.intervention) == [false, false, true, true, true])
    #expect(turn.steps[0].action == [Float](repeating: 0.5, count: 8))
    #expect(turn.steps[2].action[0] == 1 && turn.personInControl)
    let back = try await robot.execute(nil, steps: 8)
    #expect(back.steps.isEmpty && !back.personInControl)
    #expect(terminal.shown.contains("the policy acts (t takes over)"))
    #expect(terminal.shown.contains("you act (t hands back)"))
    terminal.type(["q"])
    await #expect(throws: PlayEnded.self) { try await robot.execute(chunk, steps: 5) }
  }

  @Test("where nobody may take over, t does nothing; the same keys make the same episode")
  func repetition() async throws {
    func play() async throws -> [[Float]] {
      let terminal = TypedTerminal()
      let robot = try player(terminal)
      terminal.type([" ", "w", nil, " ", "t", "\u{1B}[C"])
      _ = try await robot.begin(task: "box", seed: 5, supervision: .demonstration)
      let turn = try await robot.execute(nil, steps: 8)
      #expect(turn.personInControl && turn.steps.allSatisfy(\.intervention))
      return turn.steps.map { $0.action + $0.observation.proprioception }
    }
    let (one, other) = (try await play(), try await play())
    #expect(one == other && one.count == 8)
  }

  @Test("a picture is as many lines as half its side, in the colours that the terminal has")
  func pictures() {
    let pixels = [UInt8](repeating: 0, count: 3 * 8) + [UInt8](repeating: 255, count: 3 * 8)
    func lines(_ colours: PlayScreen.Colours) -> [String] {
      let image = pixels + pixels
      return PlayScreen(colours: colours, columns: 80, rows: 24)
        .picture(image + image + image + image, side: 8)
    }
    let all = lines(.all)
    #expect(all.count == 4)
    #expect(all[0].contains("38;2;0;0;0") && all[0].contains("48;2;255;255;255"))
    #expect(all[0].filter { $0 == "▀" }.count == 8)
    #expect(lines(.cube)[0].contains("38;5;16") && lines(.cube)[0].contains("48;5;231"))
    #expect(lines(.none)[0] == "========", "half of all brightness is the fifth of ten shades")
    #expect(PlayScreen.Colours(["TERM": "xterm-256color"]) == .cube)
    #expect(PlayScreen.Colours(["TERM": "xterm", "COLORTERM": "truecolor"]) == .all)
    #expect(PlayScreen.Colours(["TERM": "xterm-256color", "NO_COLOR": "1"]) == .none)
  }

  @Test("without a terminal it says that it needs one")
  func noTerminal() async throws {
    let result = try await RecapProcess.run("play")
    #expect(result.status == 1)
    #expect(result.errors.contains("recap play needs a terminal"))
  }

  @Test("at a terminal a played episode is recorded, and the terminal is as it was")
  func terminal() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "recap-play-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let played = try await Pseudoterminal.play(
      ["--task", "espresso", "--speed", "10", "--episodes", "2", "--record", folder.path],
      typing: { $0.contains("any key goes on") ? "q" : "w" })
    #expect(played.status == 0)
    #expect(played.isRestored)
    #expect(played.shown.contains("1 recorded in"))
    #expect(played.shown.hasPrefix("\u{1B}[?1049h") && played.shown.contains("\u{1B}[?1049l"))
    let file = folder.appending(path: "episode_000000.safetensors")
    let episode = try EpisodeFile.parse([UInt8](Data(contentsOf: file)))
    #expect(episode.metadata.source == .demonstration && episode.interventions.allSatisfy { $0 })
    #expect(episode.metadata.outcome == .failure && episode.metadata.reason != nil)
  }

  @Test("Ctrl-C leaves at once, records nothing and restores the terminal")
  func interruption() async throws {
    let played = try await Pseudoterminal.play(["--task", "box"]) {
      $0.contains("s left") ? "\u{3}" : "w"
    }
    #expect(played.status == 0 && played.isRestored)
    #expect(played.shown.contains("no episode was finished"))
  }

  private func player(_ terminal: TypedTerminal) throws -> PlayedWorkcell {
    PlayedWorkcell(
      like: try WorkcellRobot(name: "keyboard"), cameras: nil, terminal: terminal, colours: .none,
      speed: 100)
  }
}

/// A terminal at which was typed what a test says: an entry each time somebody looks.
final class TypedTerminal: PlayTerminal {
  private let state = Locked<(typed: [String?], shown: String)>(([], ""))
  let size = (columns: 100, rows: 24)

  func type(_ texts: [String?]) { state.withLock { $0.typed += texts } }

  func typed() -> [UInt8] {
    state.withLock { state in
      state.typed.isEmpty ? [] : Array((state.typed.removeFirst() ?? "").utf8)
    }
  }

  func show(_ text: String) { state.withLock { $0.shown += text } }

  var shown: String { state.withLock { $0.shown } }
}

/// The program at a terminal of its own, with somebody who types.
struct Pseudoterminal {
  var status: Int32
  var shown: String
  /// Whether the terminal's settings are as they were before.
  var isRestored: Bool

  /// - Parameter typing: What is typed next, given the last that was shown; asked ten times a second.
  static func play(
    _ arguments: [String], typing: (String) -> String
  ) async throws -> Pseudoterminal {
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    try #require(master >= 0)
    defer { close(master) }
    // What unlockpt and ptsname do, which the C library's module does not show: TIOCSPTLCK, TIOCGPTN.
    var (lock, number) = (Int32(0), UInt32(0))
    try #require(ioctl(master, 0x4004_5431, &lock) == 0 && ioctl(master, 0x8004_5430, &number) == 0)
    let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    try #require(slave >= 0)
    defer { close(slave) }
    var size = winsize(ws_row: 24, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(slave, UInt(TIOCSWINSZ), &size)
    _ = fcntl(master, F_SETFL, O_NONBLOCK)
    let before = settings(slave)

    let process = Process()
    process.executableURL = RecapProcess.program
    process.arguments = ["play"] + arguments
    let end = FileHandle(fileDescriptor: slave, closeOnDealloc: false)
    (process.standardInput, process.standardOutput, process.standardError) = (end, end, end)
    try process.run()
    var shown = ""
    let deadline = ContinuousClock.now + .seconds(120)
    while process.isRunning, ContinuousClock.now < deadline {
      let news = read(master)
      shown += news
      let text = typing(news)
      if shown.contains("any key begins") { _ = text.withCString { write(master, $0, strlen($0)) } }
      try await Task.sleep(for: .milliseconds(100))
    }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    shown += read(master)
    return Pseudoterminal(
      status: process.terminationStatus, shown: shown, isRestored: settings(slave) == before)
  }

  private static func read(_ master: Int32) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = Foundation.read(master, &buffer, buffer.count), count > 0 {
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func settings(_ descriptor: Int32) -> [UInt32] {
    var settings = termios()
    tcgetattr(descriptor, &settings)
    return [settings.c_iflag, settings.c_oflag, settings.c_lflag]
  }
}
