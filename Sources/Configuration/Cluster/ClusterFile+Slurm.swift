// What is wrong with `slurm`.

extension ClusterFile {
  /// Options that contradict the scripts, or that Slurm would ignore.
  func slurmProblems(_ root: SettingNode) -> [ConfigurationError.Problem] {
    [
      ("coordinatorOptions", slurm.coordinatorOptions), ("learnerOptions", slurm.learnerOptions),
      ("collectorOptions", slurm.collectorOptions),
    ].flatMap { key, options in
      options.enumerated().compactMap { index, option in
        SlurmSettings.problem(ofOption: option).map {
          .init(
            kind: .inconsistent, keyPath: "slurm.\(key).\(index)",
            origin: root["slurm"]?[key]?[index]?.origin, message: "got '\(option)'; \($0)")
        }
      }
    }
  }
}

extension SlurmSettings {
  /// What the scripts say themselves, and where it comes from.
  private static let own: [(names: Set<String>, source: String)] = [
    (["--ntasks", "-n"], "how many processes there are say the roles and the run's robots"),
    (["--array", "-a"], "there is a task for each of the run's robots"),
    (["--cpus-per-task", "-c"], "give the role's threads"),
    (["--mem", "--mem-per-cpu", "--mem-per-gpu"], "give the role's memoryGB"),
    (["--output", "-o", "--open-mode"], "give logs"),
    (["--job-name", "-J"], "it is the run's"),
    (["--requeue", "--no-requeue"], "jobs of a run go on after a requeue"),
  ]

  fileprivate static func problem(ofOption option: String) -> String? {
    guard option.hasPrefix("-"), !option.contains(where: \.isNewline) else {
      return "expected an option of sbatch, such as --constraint=learner"
    }
    let word = option.prefix { $0 != "=" && !$0.isWhitespace }
    let name = String(word.hasPrefix("--") ? word : word.prefix(2))
    return own.first { $0.names.contains(name) }.map {
      "expected none of \($0.names.sorted().joined(separator: ", ")), which the scripts say "
        + "themselves: \($0.source)"
    }
  }
}
