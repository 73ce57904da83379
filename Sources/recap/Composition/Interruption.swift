import ArgumentParser
import Dispatch
import Foundation

/// Runs `body` so that Ctrl-C (SIGINT) or SIGTERM cancels it and lets it stop cleanly; a second signal ends the process
/// at once, which loses nothing either.
///
/// - Throws: The exit status of a program that Ctrl-C ended when a signal stopped it, else what `body` throws.
func stoppingOnSignals(_ body: @escaping @Sendable () async throws -> Void) async throws {
  let work = Task { try await body() }
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
  let result = await withTaskCancellationHandler {
    await work.result
  } onCancel: {
    work.cancel()
  }
  if work.isCancelled { throw ExitCode(128 + SIGINT) }
  try result.get()
}
