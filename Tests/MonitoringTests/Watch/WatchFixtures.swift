import Configuration
import EpisodeStorage
import Episodes
import Foundation
import Messaging
import RecapAlgorithm

@testable import Monitoring

/// A run of one task whose log is written by hand, a second an event.
struct LoggedRun {
  static let begin = Date(timeIntervalSince1970: 1_800_000_000)
  var timeline: RunTimeline
  var tally = EpisodeTally()
  private var sequence = 0
  /// In which nothing happened.
  private var pause = 0.0

  static let configuration: RunConfiguration = {
    let yaml = """
      name: test
      tasks: [{name: fold}]
      schedule: {iterations: 0}
      robots: [{name: left, kind: workcell}]
      """
    do {
      return try RunConfiguration(yaml: yaml, workcellTasks: ["fold"])
    } catch {
      fatalError("\(error)")
    }
  }()

  init() {
    timeline = RunTimeline(jobs: Self.jobs, maximumAttempts: 2)
  }

  /// 2 demonstrations in two jobs, one iteration.
  static var jobs: [Job] {
    let training = TrainingSettings(steps: 100, batchSize: 8, learningRate: 1e-3)
    let demonstrations = (0..<2).map { slice in
      Job(
        id: "fold/demonstrations/\(slice)", task: "fold", iteration: nil, seed: 1,
        work: .collect(
          CollectWork(
            source: .demonstration, policy: nil, guidance: 1, firstEpisode: slice, episodeCount: 1,
            stage: "fold/demonstrations")))
    }
    let ids = demonstrations.map(\.id)
    let value = Job(
      id: "pretrain/value", task: nil, iteration: nil, seed: 1,
      work: .trainValue(TrainValueWork(dataset: ids, initial: nil, training: training)))
    let policy = Job(
      id: "fold/0/policy", task: "fold", iteration: 0, seed: 1,
      work: .trainPolicy(
        TrainPolicyWork(
          dataset: ids, labels: nil, initial: nil, training: training, indicatorDropout: 0.3)))
    let evaluation = Job(
      id: "fold/0/evaluate/0", task: "fold", iteration: 0, seed: 1,
      work: .collect(
        CollectWork(
          source: .evaluation, policy: policy.id, guidance: 1, firstEpisode: 0, episodeCount: 2,
          stage: "fold/0/evaluate")))
    return demonstrations + [value, policy, evaluation]
  }

  /// Adds events, each a second after the last.
  mutating func add(_ events: PlanEvent...) throws {
    for event in events {
      sequence += 1
      let text = String(decoding: try JSONEncoder().encode(event), as: UTF8.self)
      try timeline.add([
        EventRow(
          sequence: sequence, time: Self.begin.addingTimeInterval(Double(sequence) + pause),
          event: text)
      ])
    }
  }

  mutating func pass(seconds: Double) { pause += seconds }

  /// A worker says hello and asks for work.
  mutating func join(_ worker: String, _ role: WorkerRole) throws {
    try add(
      .workerJoined(
        worker: worker, incarnation: "1", role: role, tasks: role == .collector ? ["fold"] : []),
      .jobWanted(worker: worker, incarnation: "1"))
  }

  mutating func finish(_ worker: String, _ job: String, attempt: Int = 1) throws {
    let result: JobResult
    switch timeline.plan.job(job)?.work {
    case .collect(let work):
      result = .episodes(
        (work.firstEpisode..<work.firstEpisode + work.episodeCount).map {
          EpisodeReceipt(
            id: "\(job)#\($0)", index: $0,
            digest: ContentDigest(hashing: Array("\(job)\($0)".utf8)),
            steps: 10, interventionSteps: 0, outcome: .success)
        })
    default: result = .checkpoint(ContentDigest(hashing: Array(job.utf8)), metrics: ["loss": 0.5])
    }
    try add(
      .jobFinished(worker: worker, lease: "\(job)@\(attempt)", result: result),
      .jobWanted(worker: worker, incarnation: "1"))
  }

  func snapshot(
    _ workers: [WorkerStatus] = [], isOpen: Bool = true, after seconds: Double = 60,
    labelSets: [LabelSetRow] = [], freeDiskShare: Double? = nil,
    quality: [String: ValueQuality] = [:], leastLosses: [String: Double] = [:]
  ) -> WatchSnapshot {
    WatchSnapshot(
      run: RunDescription(
        name: "test", configuration: "", version: "1", created: Self.begin),
      configuration: Self.configuration,
      stamp: RunWatch.Stamp(
        plan: sequence, episodes: tally.sequence, judgements: timeline.judgements, live: 0),
      timeline: timeline, tally: tally, labelSets: labelSets,
      status: workers.isEmpty ? nil : CoordinatorStatus(upSeconds: 1, workers: workers),
      isOpen: isOpen, now: Self.begin.addingTimeInterval(seconds), freeDiskShare: freeDiskShare,
      valueQuality: quality, leastLosses: leastLosses)
  }

  static func episode(
    _ sequence: Int, _ source: EpisodeSource = .evaluation, iteration: Int? = 0,
    robot: String = "left", steps: Int = 100, corrected: Int = 0, _ outcome: Outcome = .success
  ) -> EpisodeSummary {
    EpisodeSummary(
      sequence: sequence, task: "fold", iteration: iteration, source: source, robot: robot,
      policy: nil, outcome: outcome, steps: steps, interventionSteps: corrected, controlRate: 10,
      storedAt: begin)
  }
}
