import Foundation
import Messaging
import Synchronization
import Testing

@testable import Monitoring

@Suite struct ConsoleStyleTests {
  @Test func aPipeIsNeitherRedrawnNorColoured() throws {
    let pipe = Pipe()
    let style = ConsoleStyle.detect(
      descriptor: pipe.fileHandleForWriting.fileDescriptor, environment: ["COLUMNS": "120"])
    #expect(!style.isTerminal)
    #expect(!style.usesColour)
    #expect(style.width == 120)
  }

  @Test(
    arguments: [
      ([:], true, true), (["NO_COLOR": "1"], true, false), (["NO_COLOR": ""], true, true),
      (["TERM": "dumb"], false, false), (["COLUMNS": "-3"], true, true),
    ] as [([String: String], Bool, Bool)])
  func theEnvironmentIsRespected(environment: [String: String], redrawn: Bool, coloured: Bool) {
    let style = ConsoleStyle.style(isTerminal: true, size: nil, environment: environment)
    #expect(style.isTerminal == redrawn)
    #expect(style.usesColour == coloured)
    #expect(style.width == 80)
    let sized = ConsoleStyle.style(
      isTerminal: true, size: (width: 132, height: 50), environment: environment)
    #expect(sized.width == 132)
    #expect(sized.height == 50)
  }

  @Test(arguments: [
    (Duration.zero, "0:00"), (.milliseconds(1), "0:01"), (.seconds(59), "0:59"),
    (.seconds(60), "1:00"), (.seconds(3599.5), "1:00:00"), (.seconds(3661), "1:01:01"),
    (.seconds(-4), "0:00"),
  ])
  func durationsAreRoundedUpToSeconds(duration: Duration, text: String) {
    #expect(ConsoleScreen.text(duration) == text)
  }

  @Test func theReporterPrintsInOrderAndEnds() async {
    final class Collected: TextSink {
      let text = Mutex("")
      func write(_ more: String) { text.withLock { $0 += more } }
    }
    let sink = Collected()
    let reporter = ConsoleReporter(
      style: ConsoleStyle(isTerminal: false, usesColour: false), sink: sink)
    reporter.report(.workerJoined("left"))
    reporter.print("see http://127.0.0.1")
    reporter.report(.jobFinished(id: "a", summary: "fine"))
    reporter.finish()
    await reporter.run()
    #expect(sink.text.withLock { $0 } == "+ left joined\nsee http://127.0.0.1\n✓ a: fine\n")
  }
}
