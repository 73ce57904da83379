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

/// Episodes with seeds 0 ..< count.
func tally(
  _ task: any WorkcellTask, _ flaws: CoachFlaws, count: UInt64,
  change: (Workcell, inout [Float]) -> Void = { _, _ in }
) -> CoachTrials {
  var trials = CoachTrials()
  for seed in 0..<count { trials.add(attempt(task, flaws, seed: seed, change: change)) }
  return trials
}

/// A coach that makes exactly these mistakes, always, and has no other flaw.
func failureReasons(
  of task: any WorkcellTask, mistake: MistakeSet, count: UInt64 = 20
) -> [String: Int] {
  var trials = CoachTrials()
  for seed in 0..<count {
    trials.add(
      attempt(
        task, CoachFlaws(mistakeScale: 1), seed: seed,
        mistakes: [Mistake(kind: mistake, probability: 1)]))
  }
  return trials.failures
}
