import Glibc

/// A serial executor with a thread of its own, for actors that compute for long or own a socket:
/// neither may occupy the cooperative pool, which has only one thread a core.
///
/// ```swift
/// actor Learner {
///   private let executor = ThreadExecutor(name: "learner")
///   nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
/// }
/// ```
///
/// Jobs run in the order in which they were enqueued. The thread ends when the last reference to
/// the executor is gone.
public final class ThreadExecutor: SerialExecutor {
  /// For debuggers; Linux shows the first 15 bytes.
  public let name: String
  private let worker: ThreadWorker

  /// Starts the thread.
  ///
  /// - Parameter wait: What the thread does while it has no job.
  public init(name: String, wait: any ThreadWait = ConditionWait()) {
    self.name = name
    worker = ThreadWorker(name: name, waiting: wait)
    worker.start()
  }

  deinit { worker.stop() }

  public func enqueue(_ job: consuming ExecutorJob) {
    worker.add(QueuedJob(job: UnownedJob(job), executor: self))
  }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  /// Whether the caller runs on this executor's thread.
  public var isCurrentThread: Bool { worker.isCurrentThread }

  /// Lets `assumeIsolated` succeed on the thread even outside a job, as in a socket's poll
  /// callback.
  public func checkIsolated() {
    precondition(isCurrentThread, "not on the thread of executor '\(name)'")
  }

  public func isIsolatingCurrentContext() -> Bool? { isCurrentThread }
}

/// A job and the executor it was given to, which must outlive it: the job may drop the last
/// reference to the actor, and with it to the executor.
private struct QueuedJob: Sendable {
  var job: UnownedJob
  var executor: ThreadExecutor

  func run() { job.runSynchronously(on: executor.asUnownedSerialExecutor()) }
}

/// What the thread holds on to: apart from the executor, so that the thread does not keep its
/// executor alive.
private final class ThreadWorker: Sendable {
  private struct State {
    var jobs: [QueuedJob] = []
    var thread: pthread_t?
    var isStopping = false
  }

  private let name: String
  private let waiting: any ThreadWait
  private let state = Locked(State())

  init(name: String, waiting: any ThreadWait) {
    self.name = name
    self.waiting = waiting
  }

  var isCurrentThread: Bool {
    state.withLock { $0.thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
  }

  func start() {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(self).toOpaque()
    let failure = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<ThreadWorker>.fromOpaque(argument!).takeRetainedValue().loop()
        return nil
      }, argument)
    precondition(
      failure == 0, "cannot start thread '\(name)': \(String(cString: strerror(failure)))")
    pthread_detach(thread)
  }

  func add(_ job: QueuedJob) {
    let wasEmpty = state.withLock { state in
      state.jobs.append(job)
      return state.jobs.count == 1
    }
    // The first job of a batch wakes the thread, or ends its next wait.
    if wasEmpty { waiting.wakeUp() }
  }

  func stop() {
    state.withLock { $0.isStopping = true }
    waiting.wakeUp()
  }

  /// Tells the system the thread's name, for debuggers: `pthread_setname_np` is not visible to
  /// Swift.
  private func nameThread() {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    _ = Array(name.utf8.prefix(15)).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    close(file)
  }

  private func loop() {
    nameThread()
    state.withLock { $0.thread = pthread_self() }
    while runJobs() { waiting.wait() }
  }

  /// Runs what there is to run. Jobs hold on to the executor: they are let go of before the thread waits again.
  ///
  /// - Returns: False when the executor is gone.
  private func runJobs() -> Bool {
    let (jobs, isStopping) = state.withLock { state in
      let jobs = state.jobs
      state.jobs = []
      return (jobs, state.isStopping)
    }
    for job in jobs { job.run() }
    return !isStopping
  }
}
