/// What happens in a run that a person watching wants to see.
public enum RunNotice: Sendable, Equatable {
  /// A worker took a job.
  case jobStarted(id: String, worker: String)
  /// A job got further.
  case jobProgress(id: String, progress: JobProgress)
  /// A job's result was accepted; `summary` is one line on what came out, or empty.
  case jobFinished(id: String, summary: String)
  /// A job will be handed out again.
  case jobRetried(id: String, reason: String)
  /// A job cannot begin before people have judged so many episodes.
  case jobHeld(id: String, unjudged: Int)
  /// A worker said hello.
  case workerJoined(String)
  /// A worker fell silent or left.
  case workerLost(String)
  /// Every job is done.
  case runFinished
  /// The run cannot go on.
  case runFailed(String)
}
