import Foundation
import Tensors

@testable import RecapAlgorithm

/// How unkind a simulated world is: shares are per message or per tick, drawn anew for each
/// schedule.
struct Faults {
  var loss = 0.0
  var repetition = 0.0
  /// A message takes 1…delay ticks, so messages overtake each other where it is above 1.
  var delay = 1
  var workerCrash = 0.0
  /// A worker stops acting for a while and then goes on as if nothing had been.
  var workerPause = 0.0
  var workerLeave = 0.0
  var jobFailure = 0.0
  var coordinatorCrash = 0.0
  /// A job's result comes from another run, at whatever moment: no fault, but as unexpected.
  var adoption = 0.0

  static let none = Faults()

  /// Some kinds of fault, each mild or severe.
  static func drawn(_ random: inout RandomSource) -> Faults {
    func draw(_ values: [Double]) -> Double { values.randomElement(using: &random) ?? 0 }
    return Faults(
      loss: draw([0, 0.1, 0.4]), repetition: draw([0, 0.1, 0.4]),
      delay: Int(draw([1, 4, 15])), workerCrash: draw([0, 0.005, 0.02]),
      workerPause: draw([0, 0.005, 0.02]), workerLeave: draw([0, 0.005]),
      jobFailure: draw([0, 0.05]), coordinatorCrash: draw([0, 0.005, 0.03]),
      adoption: draw([0, 0, 0.02, 0.1]))
  }
}

/// What goes over the simulated network. A reply reaches only the process (incarnation) that asked.
enum Message {
  case toCoordinator(worker: String, incarnation: String, WorkerMessage)
  case toWorker(worker: String, incarnation: String, CoordinatorMessage)
}

enum WorkerMessage {
  case join(WorkerRole, tasks: [String])
  case want
  case heartbeat(lease: String)
  case finished(lease: String, JobResult)
  case failed(lease: String, reason: String)
  case leave
}

enum CoordinatorMessage {
  case welcome
  case order(JobOrder)
  case answered(lease: String)
  case leaseInvalid(lease: String)
  case unknown
}

/// One schedule: a coordinator, workers and a network between them, with faults until tick `calm`
/// and none after it. All that is random follows from the seed.
struct SimulatedWorld {
  var random: RandomSource
  let faults: Faults
  let calm: Int
  var now = 0
  var coordinator: SimulatedCoordinator
  var workers: [SimulatedWorker]
  private let jobs: [Job]
  private var inFlight: [Int: [Message]] = [:]

  init(seed: UInt64, jobs: [Job], faults: Faults? = nil, storesJSON: Bool = false) {
    random = RandomSource(seed: seed)
    self.faults = faults ?? .drawn(&random)
    calm = 300
    self.jobs = jobs
    coordinator = SimulatedCoordinator(jobs: jobs, storesJSON: storesJSON)
    workers = [
      SimulatedWorker(name: "left", role: .collector, tasks: ["fold", "stack"]),
      SimulatedWorker(name: "right", role: .collector, tasks: ["fold", "stack"]),
      SimulatedWorker(name: "third", role: .collector, tasks: ["stack"]),
      SimulatedWorker(name: "value", role: .valueLearner),
      SimulatedWorker(name: "labels", role: .advantageLabeller),
      SimulatedWorker(name: "labels-2", role: .advantageLabeller),
      SimulatedWorker(name: "policy", role: .policyLearner),
      SimulatedWorker(name: "policy-2", role: .policyLearner),
    ]
  }

  /// Runs until the plan is finished and the coordinator has said so.
  ///
  /// - Throws: `Violation` where something happens that must not, or the run does not end.
  mutating func run() throws {
    while !coordinator.hasFinished {
      now += 1
      guard now < calm + 2000 else { throw Violation("the run does not end") }
      let isCalm = now > calm
      let faults = isCalm ? Faults.none : faults
      try step(faults)
    }
    try coordinator.checkEnd()
  }

  private mutating func step(_ faults: Faults) throws {
    if coordinator.isUp, chance(faults.coordinatorCrash) {
      coordinator.crash(at: Int.random(in: 0...2, using: &random), until: now + pause(20))
    }
    var outbox: [Message] = []
    try coordinator.tick(now, &outbox)
    if chance(faults.adoption), let job = jobs.randomElement(using: &random) {
      try coordinator.adopt(job, &outbox)
    }
    for message in inFlight.removeValue(forKey: now) ?? [] {
      switch message {
      case .toCoordinator(let worker, let incarnation, let content):
        try coordinator.receive(content, from: worker, incarnation, at: now, &outbox)
      case .toWorker(let worker, let incarnation, let content):
        guard let place = workers.firstIndex(where: { $0.name == worker }),
          workers[place].incarnation == incarnation
        else { continue }
        workers[place].receive(content, at: now)
      }
    }
    for place in workers.indices {
      if chance(faults.workerCrash) { workers[place].crash(until: now + pause(30)) }
      if chance(faults.workerPause) { workers[place].pause(until: now + pause(40)) }
      let leaves = chance(faults.workerLeave)
      workers[place].tick(
        now, leaves: leaves, failure: faults.jobFailure, &random, &outbox)
    }
    for message in outbox { send(message, faults) }
  }

  private mutating func send(_ message: Message, _ faults: Faults) {
    let copies = chance(faults.repetition) ? 2 : 1
    for _ in 0..<copies where !chance(faults.loss) {
      inFlight[now + pause(faults.delay), default: []].append(message)
    }
  }

  private mutating func chance(_ probability: Double) -> Bool {
    probability > 0 && Double(random.next() >> 11) * 0x1p-53 < probability
  }

  private mutating func pause(_ longest: Int) -> Int { Int.random(in: 1...longest, using: &random) }
}

/// Something that must not happen.
struct Violation: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
