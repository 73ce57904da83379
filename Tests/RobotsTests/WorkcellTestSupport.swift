@testable import Robots

/// Runs one episode of a task with a coach of these flaws.
///
/// - Parameter change: Changes the coach's action before it is executed.
func attempt(
  _ task: any WorkcellTask, _ flaws: CoachFlaws, seed: UInt64, mistakes: [Mistake]? = nil,
  change: (Workcell, inout [Float]) -> Void = { _, _ in }
) -> Workcell {
  var cell = Workcell(task, seed: seed)
  var coach = Coach(flaws: flaws, mistakes: mistakes ?? task.mistakes, seed: seed)
  while cell.ending == nil {
    var action = coach.action(for: cell)
    change(cell, &action)
    cell.step(action[...])
  }
  return cell
}

/// How a number of episodes went.
struct Tally {
  var episodes = 0
  var successes = 0
  var steps = 0
  var successSteps = 0
  var failures: [String: Int] = [:]

  mutating func add(_ cell: Workcell) {
    episodes += 1
    steps += cell.stepCount
    switch cell.ending {
    case .success:
      successes += 1
      successSteps += cell.stepCount
    case .failure(let reason): failures[reason, default: 0] += 1
    case nil: break
    }
  }

  var successShare: Double { Double(successes) / Double(episodes) }
  /// Mean length of the successes, in steps.
  var successLength: Double { Double(successSteps) / Double(max(1, successes)) }
  var meanLength: Double { Double(steps) / Double(episodes) }
  /// Successes per robot-hour.
  var throughput: Double {
    Double(successes) / (Double(steps) / Workcell.controlRate / 3600)
  }
}

/// Episodes with seeds 0 ..< count.
func tally(
  _ task: any WorkcellTask, _ flaws: CoachFlaws, count: UInt64,
  change: (Workcell, inout [Float]) -> Void = { _, _ in }
) -> Tally {
  var tally = Tally()
  for seed in 0..<count { tally.add(attempt(task, flaws, seed: seed, change: change)) }
  return tally
}

/// A coach that makes exactly these mistakes, always, and has no other flaw.
func failureReasons(
  of task: any WorkcellTask, mistake: MistakeSet, count: UInt64 = 20
) -> [String: Int] {
  var tally = Tally()
  for seed in 0..<count {
    tally.add(
      attempt(
        task, CoachFlaws(mistakeScale: 1), seed: seed,
        mistakes: [Mistake(kind: mistake, probability: 1)]))
  }
  return tally.failures
}
