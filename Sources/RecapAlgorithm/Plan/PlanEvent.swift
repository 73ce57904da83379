/// What happens to a plan. Times are not among it: the coordinator turns silence into `.workerLost`
/// and `.leaseExpired`. Events are stored, and replaying them rebuilds the plan.
public enum PlanEvent: Codable, Hashable, Sendable {
  /// A worker said hello, for the first time or again. A new incarnation takes its predecessor's
  /// place.
  ///
  /// `tasks` are those that a collector's robot offers; other roles do every task.
  case workerJoined(worker: String, incarnation: String, role: WorkerRole, tasks: [String])
  /// A worker said goodbye, and gives its job back undone.
  case workerLeft(worker: String, incarnation: String)
  /// A worker was silent for too long.
  case workerLost(worker: String, incarnation: String)
  /// A worker asks for work. Once it waits (`Plan.isWaiting`), asking again changes nothing.
  case jobWanted(worker: String, incarnation: String)
  /// A lease was not kept alive.
  case leaseExpired(lease: String)
  /// A worker has done a job, and what came out is durable.
  case jobFinished(worker: String, lease: String, result: JobResult)
  /// A worker could not do a job.
  case jobFailed(worker: String, lease: String, reason: String)
  /// A worker gives a job back undone, since a person has paused it or its robot is away: no fault of
  /// either.
  case jobReturned(worker: String, lease: String)
  /// Another run, `from`, has done the same job: the same work with the same seed and inputs. Its
  /// result, durable here, is taken for the job's own.
  case resultAdopted(job: String, result: JobResult, from: String)
  /// A person has made a task's policy of iteration `to` the current one again: see
  /// `Plan.currentIteration`. Later ones that are trained are withdrawn.
  case rolledBack(task: String, to: Int)
  /// A person wants a worker to take no further job; the one that it has it finishes. Holds for whoever
  /// joins under that name, until `.workerResumed`.
  case workerPaused(worker: String, by: String)
  /// The worker may take jobs again.
  case workerResumed(worker: String, by: String)
  /// A person has said how an episode ended: see `Plan.verdict`.
  case episodeJudged(Judgement)
  /// A person has made a key for a worker, which may join with it from another machine.
  case workerInvited(Invitation, by: String)
  /// A person wants a worker to take no further part: it loses its job, and neither its key nor its name is let in
  /// until it is invited again.
  case workerRemoved(worker: String, by: String)
  /// The coordinator starts again with the stored events.
  case coordinatorRestarted
}

/// What a plan wants done.
public enum PlanCommand: Codable, Hashable, Sendable {
  /// Give the worker this order. It may come more than once for one lease: giving it again changes
  /// nothing.
  case grant(worker: String, lease: String, order: JobOrder)
  /// The lease is over without a result of its own: its worker may drop the job.
  case revoke(lease: String)
  /// The lease's result counts.
  case accepted(lease: String)
  /// The lease's result does not count.
  case rejected(lease: String)
  /// The job's result is in the plan from now on. Once a job.
  case jobDone(job: String)
  /// The job is back in the queue.
  case jobRetried(job: String, reason: String)
  /// Every job is done.
  case runFinished
  /// No more jobs are given out.
  case runFailed(reason: String)
}
