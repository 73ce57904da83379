import Foundation
import Messaging

/// Shows a run's notices to a person: hands them to a `ConsoleScreen` with the time, and prints
/// what it says.
///
/// `report` never blocks and may be called from anywhere; notices are printed in the order in which
/// they were reported.
public final class ConsoleReporter: Sendable {
  private let notices: AsyncStream<Entry>
  private let entries: AsyncStream<Entry>.Continuation
  private let start = ContinuousClock.now
  private let style: ConsoleStyle
  private let descriptor: Int32?
  private let sink: any TextSink

  private enum Entry: Sendable {
    case notice(RunNotice)
    case line(String)
    case tick
  }

  /// Prints to a terminal or file, normally standard error, so that standard output stays for
  /// results.
  public convenience init(descriptor: Int32 = STDERR_FILENO) {
    self.init(
      style: ConsoleStyle.detect(descriptor: descriptor), descriptor: descriptor,
      sink: DescriptorSink(descriptor: descriptor))
  }

  /// Prints to any sink, in a style that does not change.
  public convenience init(style: ConsoleStyle, sink: any TextSink) {
    self.init(style: style, descriptor: nil, sink: sink)
  }

  private init(style: ConsoleStyle, descriptor: Int32?, sink: any TextSink) {
    self.style = style
    self.descriptor = descriptor
    self.sink = sink
    (notices, entries) = AsyncStream.makeStream()
  }

  /// Takes in a notice.
  public func report(_ notice: RunNotice) { entries.yield(.notice(notice)) }

  /// Prints a line above the bars.
  public func print(_ line: String) { entries.yield(.line(line)) }

  /// Ends `run()` once everything reported so far is printed.
  public func finish() { entries.finish() }

  /// Prints until `finish()` or cancellation, and then takes the bars off the screen.
  public func run() async {
    var screen = ConsoleScreen(style: style)
    let ticker = Task { [entries] in
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(500))
        entries.yield(.tick)
      }
    }
    defer { ticker.cancel() }
    for await entry in notices {
      let now = ContinuousClock.now - start
      switch entry {
      case .notice(let notice): sink.write(screen.handle(notice, at: now))
      case .line(let line): sink.write(screen.print(line, at: now))
      case .tick:
        // People resize their windows.
        if let descriptor { screen.style = ConsoleStyle.detect(descriptor: descriptor) }
        sink.write(screen.refresh(at: now))
      }
    }
    sink.write(screen.clear())
  }
}

/// Somewhere to print to.
public protocol TextSink: Sendable {
  /// Prints `text` as it is. What cannot be printed is dropped: a run does not stop because its
  /// terminal closed.
  func write(_ text: String)
}

/// A terminal, pipe or file.
public struct DescriptorSink: TextSink {
  private let handle: FileHandle

  /// Prints to an open descriptor, which stays open.
  public init(descriptor: Int32) {
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
  }

  public func write(_ text: String) {
    if text.isEmpty { return }
    try? handle.write(contentsOf: Data(text.utf8))
  }
}
