import Configuration
import Experiments
import RecapAlgorithm

@testable import Monitoring

/// Two arms over one task.
func experiment(figures: [Experiment.Figure] = []) -> Experiment {
  Experiment(
    name: "small", title: "A < B?", description: "First.\n\nSecond.", base: "base.yaml",
    settings: ["schedule.iterations=1"],
    arms: [
      Experiment.Arm(name: "a", title: nil, settings: []),
      Experiment.Arm(name: "b", title: "β = 2", settings: ["method.guidance=2"]),
    ], figures: figures)
}

/// An iteration of 4 evaluation episodes.
func iteration(
  _ k: Int, success: Double, throughput: Double, error: Double = 1, positive: Double? = 0.4,
  intervened: Double = 0.1, stages: [StageRate]? = nil
) -> RunReport.IterationReport {
  RunReport.IterationReport(
    k: k, episodes: 4, successes: Int(success * 4), successRate: success,
    successRateStandardError: error / 100, throughputPerHour: throughput,
    throughputStandardError: error, positiveShare: positive, interventionShare: intervened,
    stages: stages)
}

/// A run of one task.
func run(
  _ arm: String, seed: Int, _ iterations: [RunReport.IterationReport], isFinished: Bool = true,
  task: String = "espresso"
) -> ArmRun {
  var adopted = SharedWork()
  if arm == "b" { (adopted.jobs, adopted.episodes, adopted.trainings) = (3, 20, 1) }
  var work = SharedWork()
  (work.jobs, work.episodes, work.trainings, work.labelSets) = (5, 30, 3, 2)
  return ArmRun(
    arm: arm, seed: seed, isFinished: isFinished,
    report: RunReport(
      run: "small-\(arm)",
      tasks: [RunReport.TaskReport(task: task, iterations: iterations)]), work: work,
    adopted: adopted)
}

/// Three seeds of one arm, one of the other and one that is not finished.
func report() -> ExperimentReport {
  ExperimentReport(
    experiment(),
    runs: [
      run("a", seed: 3, [iteration(0, success: 0.75, throughput: 130)]),
      run("a", seed: 1, [iteration(0, success: 0.25, throughput: 100)]),
      run("a", seed: 2, [iteration(0, success: 0.5, throughput: 100, positive: nil)]),
      run("b", seed: 1, [iteration(0, success: 1, throughput: 200, error: 7)]),
      run("b", seed: 2, [iteration(0, success: 0, throughput: 0)], isFinished: false),
    ])
}
