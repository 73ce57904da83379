import Episodes
import Testing

@testable import Robots

@Suite("Workcell fingerprints")
struct WorkcellFingerprintTests {
  /// Lengths and reasons rather than observations: the last bit of a sine may differ between
  /// machines, when a thing is grasped does not.
  private func fingerprint(_ task: String, _ supervision: Supervision) async throws -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func mix(_ value: UInt64) { hash = (hash ^ value) &* 0x0000_0100_0000_01B3 }
    let robot = try WorkcellRobot(name: "cell", tasks: [task])
    for seed in 0..<40 as Range<UInt64> {
      var turn = try await robot.begin(task: task, seed: seed, supervision: supervision)
      // A policy without sense or purpose, so that the person has to do everything.
      let values = (0..<64).map { Float(($0 * 7 + Int(seed)) % 13) / 6 - 1 }
      var steps = 0
      while turn.outcome == nil {
        turn = try await robot.execute(
          turn.personInControl ? nil : ActionChunk(values: values, width: 8), steps: 8)
        steps += turn.steps.count
      }
      mix(UInt64(steps))
      for byte in (turn.reason ?? "").utf8 { mix(UInt64(byte)) }
    }
    return hash
  }

  @Test(
    "tasks that results were published for give the same episodes as ever",
    arguments: [
      ("tshirt", Supervision.demonstration, 11_646_917_317_865_851_312 as UInt64),
      ("tshirt", .corrections, 1_727_222_147_846_853_525),
      ("tshirt-collar-up", .demonstration, 11_886_353_914_820_699_520),
      ("tshirt-collar-up", .corrections, 1_727_222_147_846_853_525),
      ("espresso", .demonstration, 7_874_199_707_810_710_184),
      ("espresso", .corrections, 9_862_808_501_179_155_958),
    ])
  func published(task: String, supervision: Supervision, expected: UInt64) async throws {
    let actual = try await fingerprint(task, supervision)
    #expect(
      actual == expected,
      "rules or random streams of \(task) have changed: Documentation/Results.md no longer holds")
  }
}
