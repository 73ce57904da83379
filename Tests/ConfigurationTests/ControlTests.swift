import Testing

@testable import Configuration

/// How robots are controlled, as a file says it.
@Suite struct ControlTests {
  private func file(_ control: String, kind: String = "driver") -> String {
    """
    name: x
    tasks: [{name: espresso, demonstrations: 2}]
    robots:
      - name: arm
        kind: \(kind)
    \(kind == "driver" ? "    driver: {endpoint: 'ipc:///tmp/arm'}" : "    tasks: [espresso]")
        control: \(control)
    """
  }

  @Test("what is left out is left as it was")
  func defaults() throws {
    #expect(try configuration(smallest).robots[0].control == nil)
    let control = try configuration(
      file("{inference: overlapped, watchdogSeconds: 0.2, actionMaximumChange: [0.1, 2]}")
    ).robots[0].control
    #expect(
      control
        == ControlSettings(
          inference: .overlapped, watchdogSeconds: 0.2, actionMaximumChange: [0.1, 2]))
  }

  @Test(
    "a setting that cannot be is refused, a value with its line",
    arguments: [
      (
        "{inference: parallel}", "inference (line 7): got 'parallel'; valid: overlapped, sequential"
      ),
      ("{inference: overlapped}", "arm.control.watchdogSeconds: missing, but required"),
      ("{crossfadeSteps: 3}", "arm.control.crossfadeSteps: chunks only give way to each other"),
      ("{watchdogSeconds: -1}", "(line 7): got -1; expected a number, at least 0"),
      ("{actionMaximumChange: [0]}", "(line 7): got 0; expected a number, more than 0"),
      ("{actionMinimum: [0, 1], actionMaximum: [1]}", "has 1 values, but actionMinimum has 2"),
      (
        "{actionMinimum: [0, 1], actionMaximum: [1, 0]}",
        "value 1 is 0.0, below actionMinimum's 1.0"
      ),
      ("{actionMaximum: 3}", "(line 7): got 3; expected a list of at least 1 of values"),
      ("{watchdog: 3}", "arm.control.watchdog (line 7): unknown key; valid: "),
    ])
  func refusals(_ control: String, _ words: String) throws {
    let found = try messages(file(control))
    #expect(found.count == 1 && found.allSatisfy { $0.contains(words) }, "\(found)")
  }

  @Test("a workcell has no time to hold")
  func workcell() throws {
    let found = try messages(
      file("{inference: overlapped, watchdogSeconds: 1}", kind: "workcell"))
    #expect(found.count == 1 && found[0].contains("a workcell's time stands still"), "\(found)")
    #expect(
      try configuration(file("{actionMaximumChange: [1, 1]}", kind: "workcell")).robots[0].control
        != nil)
  }
}
