import Configuration
import Foundation
import Monitoring

/// A launch as Slurm's jobs: one heterogeneous job with the coordinator and the learners, and an array of collectors, which
/// begins after it. All share the run's directory, in which the coordinator says where it is.
public struct SlurmLaunch: Sendable {
  private let launch: Launch
  /// Absolute: jobs begin in the directory that they were submitted from.
  private let program: String
  private let processes: [RoleProcess]

  /// The directory of the scripts and the coordinator's address.
  public var folder: String { "\(launch.directory)/launch" }
  /// Where the main job finds the collectors' number, to end them with itself.
  public var collectorJobFile: String { "\(folder)/collectors.job" }

  /// - Parameter launch: With an absolute directory, the same on every node.
  public init(_ launch: Launch, program: String) {
    self.launch = launch
    self.program = program
    let published = "\(launch.directory)/launch/coordinator.endpoint"
    processes = launch.processes(
      coordinator: launch.coordinatorArguments(
        listen: launch.endpoint ?? "", publish: published),
      connect: { _ in CoordinatorAddress.published(inFile: published) },
      spool: { "\(launch.directory)/spool/\($0)" },
      states: "\(launch.directory)/training")
  }

  /// The script of the coordinator and the learners, and its path.
  public var mainScript: (path: String, text: String) {
    let workers = processes.filter { $0.role != .coordinator && $0.role != .collector }
    let learners = workers.filter { $0.ranks == nil }
    let ranked = workers.filter { $0.ranks != nil }
    let coordinator = processes[0]
    let settings = launch.cluster.slurm
    var lines = ["#!/bin/bash"]
    lines += header("recap-\(launch.run)", log: "main-%j.log")
    lines += resources(tasks: 1, [coordinator], settings.coordinatorOptions)
    lines += ["#SBATCH hetjob"] + common
    lines += resources(tasks: learners.count, learners, settings.learnerOptions)
    for learner in ranked {
      lines += ["#SBATCH hetjob"] + common
      lines += resources(tasks: learner.ranks ?? 1, [learner], settings.learnerOptions)
    }
    lines += [
      "",
      "# The coordinator and the learners of run \(launch.run). Each is started again when it fails;",
    ]
    lines += ["# after a requeue, all of them go on from what the run's directory holds."]
    lines += settings.setup
    lines += [
      "", "coordinator() {", "  exec \(keep(coordinator))", "}",
      "learner() {", "  case \"$SLURM_PROCID\" in",
    ]
    for (index, learner) in learners.enumerated() {
      lines.append("  \(index)) exec \(keep(learner)) ;;")
    }
    lines += ["  esac", "}", "export -f coordinator learner", ""]
    lines.append(
      """
      # Since Slurm 22.05 a step does not have the job's --cpus-per-task by itself.
      srun --het-group=0 --ntasks=1 --cpus-per-task=\(threads([coordinator])) bash -c coordinator &
      coordinator=$!
      srun --het-group=1 --ntasks=\(learners.count) --cpus-per-task=\(threads(learners)) \
      --kill-on-bad-exit=0 bash -c learner &
      learners=$!
      """)
    for (index, learner) in ranked.enumerated() {
      // Here a whole step is started again: its ranks live and die together.
      lines.append("\(keep(learner, step: index + 2)) &\nlearners=\"$learners $!\"")
    }
    lines.append(
      """
      # Slurm tells this script alone that the job is to stop or move.
      trap 'kill -TERM "$coordinator" $learners 2>/dev/null' TERM
      wait "$coordinator"; status=$?
      # The trap ends a wait early.
      while kill -0 "$coordinator" 2>/dev/null; do wait "$coordinator"; status=$?; done
      if [ "$status" = 0 ] || [ "$status" = \(ProcessSupervision.failedStatus) ]; then
        # The run is over: the collectors hear it too, and those that have not begun need not.
        collectors=$(cat \(Shell.word(collectorJobFile)) 2>/dev/null)
        [ -z "$collectors" ] || scancel --quiet --state=PENDING "$collectors"
        sleep 10
        [ -z "$collectors" ] || scancel --quiet "$collectors"
      fi
      kill -TERM $learners 2>/dev/null
      wait $learners
      exit "$status"
      """)
    return ("\(folder)/main.sbatch", lines.joined(separator: "\n") + "\n")
  }

  /// The script of the collectors, and its path.
  public var collectorScript: (path: String, text: String) {
    let collectors = processes.filter { $0.role == .collector }
    var lines = ["#!/bin/bash", "#SBATCH --array=0-\(collectors.count - 1)"]
    lines += header("recap-\(launch.run)-collectors", log: "collectors-%A-%a.log")
    lines += resources(
      tasks: 1, collectors, launch.cluster.slurm.collectorOptions)
    lines += ["", "# The robots of run \(launch.run), one a task of the array."]
    lines += launch.cluster.slurm.setup
    lines += ["", "case \"$SLURM_ARRAY_TASK_ID\" in"]
    for (index, collector) in collectors.enumerated() {
      lines.append("\(index)) exec \(keep(collector)) ;;")
    }
    return ("\(folder)/collectors.sbatch", (lines + ["esac"]).joined(separator: "\n") + "\n")
  }

  /// How the main job is submitted; prints its number.
  public var submitMain: [String] { ["sbatch", "--parsable", mainScript.path] }

  /// How the collectors are submitted: after the main job has begun, which they would else leave no cores.
  public func submitCollectors(after job: String) -> [String] {
    ["sbatch", "--parsable", "--dependency=after:\(job)", collectorScript.path]
  }

  /// What to know before it is submitted; nil where there is nothing.
  public var caution: String? {
    if launch.isReached { return nil }
    return "the coordinator listens at \(launch.endpoint ?? ""), which only its own node reaches: "
      + "jobs on other nodes would wait for it without end. Leave endpoint out, or say tcp://*:*"
  }

  /// What would be written and run.
  public var text: String {
    let (main, collectors) = (mainScript, collectorScript)
    func command(_ words: [String]) -> String { words.map(Shell.word).joined(separator: " ") }
    return """
      # ==> \(main.path)
      \(main.text)
      # ==> \(collectors.path)
      \(collectors.text)
      # ==> submitted with
      job=$(\(command(submitMain)))
      \(command(submitCollectors(after: "JOB")).replacing("JOB", with: "$job")) > \(Shell.word(collectorJobFile))

      """
  }

  // MARK: - Pieces

  private func header(_ name: String, log: String) -> [String] {
    [
      "#SBATCH --job-name=\(Self.value(name))", "#SBATCH --requeue",
      "#SBATCH --open-mode=append",
      // In a file's name % begins a pattern.
      "#SBATCH --output=" + Self.value("\(launch.logs.replacing("%", with: "%%"))/slurm-\(log)"),
    ] + common
  }

  /// A value as sbatch reads it from a script's line: whole, with spaces and all.
  private static func value(_ text: String) -> String {
    if text.allSatisfy({ $0.isLetter || $0.isNumber || "-_./%@+=:,".contains($0) }) { return text }
    return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  /// What holds for every part of a job.
  private var common: [String] {
    let settings = launch.cluster.slurm
    return [
      settings.partition.map { "#SBATCH --partition=\(Self.value($0))" },
      settings.account.map { "#SBATCH --account=\(Self.value($0))" },
      settings.time.map { "#SBATCH --time=\($0)" },
    ].compactMap(\.self)
  }

  /// The cores of each task, which is large enough for the largest of these processes.
  private func threads(_ processes: [RoleProcess]) -> Int {
    processes.map(\.size.threads).max() ?? 1
  }

  /// - Parameter processes: Each task is large enough for the largest of them.
  private func resources(
    tasks: Int, _ processes: [RoleProcess], _ options: [String]
  ) -> [String] {
    let threads = threads(processes)
    let memory = processes.map(\.size.memoryGB).max() ?? 1
    // Slurm's M are 2²⁰ bytes.
    let perCore = Int((memory * 1e9 / Double(1 << 20) / Double(threads)).rounded(.up))
    return [
      "#SBATCH --ntasks=\(tasks)", "#SBATCH --cpus-per-task=\(threads)",
      "#SBATCH --mem-per-cpu=\(perCore)M",
    ] + options.map { "#SBATCH \($0)" }
  }

  /// The command that keeps a process going on its node.
  ///
  /// - Parameter step: For one of several ranks, the part of the job that they are the tasks of.
  private func keep(_ process: RoleProcess, step: Int? = nil) -> String {
    let restart = launch.cluster.restart
    let words =
      [
        program, "launch", "keep", "--name", process.name, "--logs", launch.logs, "--limit",
        "\(restart.limit)", "--first-delay", "\(restart.firstDelaySeconds)", "--longest-delay",
        "\(restart.longestDelaySeconds)", "--forgotten-after", "\(restart.forgottenAfterSeconds)",
        "--stop-seconds", "\(launch.cluster.stopSeconds)", "--",
      ]
      + (step.map {
        [
          "srun", "--het-group=\($0)", "--ntasks=\(process.ranks ?? 1)",
          "--cpus-per-task=\(process.size.threads)", "--mpi=pmix", "--kill-on-bad-exit=1",
        ]
      } ?? []) + [program] + process.arguments
    return words.map(Shell.word).joined(separator: " ")
  }
}
