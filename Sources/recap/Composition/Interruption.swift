import ArgumentParser
import Dispatch
import Foundation
import Launching

/// Runs `body` so that Ctrl-C (SIGINT) or SIGTERM cancels it and lets it stop cleanly; a second signal ends the process
/// at once, which loses nothing either. The end of a lifeline cancels it too.
///
/// Within another such call only the outer one watches for signals, and cancellation is passed on to it.
///
/// - Throws: The exit status of a program that Ctrl-C ended when a signal stopped it, else what `body` throws.
func stoppingOnSignals<Value: Sendable>(
  _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  if SignalWatch.isOn {
    do {
      let result = try await body()
      try Task.checkCancellation()
      return result
    } catch {
      // What a role threw because it was cancelled says nothing.
      try Task.checkCancellation()
      throw error
    }
  }
  let work = Task { try await SignalWatch.$isOn.withValue(true) { try await body() } }
  let queue = DispatchQueue(label: "recap.signals")
  let sources = [SIGINT, SIGTERM].map { number in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
    source.setEventHandler {
      if work.isCancelled { _exit(128 + number) }
      FileHandle.standardError.write(Data("\nstopping; once more to stop at once\n".utf8))
      work.cancel()
    }
    source.activate()
    return source
  }
  defer { for source in sources { source.cancel() } }
  Lifeline.watch { work.cancel() }
  let result = await withTaskCancellationHandler {
    await work.result
  } onCancel: {
    work.cancel()
  }
  if work.isCancelled { throw ExitCode(128 + SIGINT) }
  return try result.get()
}

/// Whether a call around this one watches for signals.
private enum SignalWatch {
  @TaskLocal static var isOn = false
}
