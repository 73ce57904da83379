extension ClusterFile {
  /// A cluster file without a kind, which has no default.
  public static let defaults = ClusterFile(
    kind: .local,
    roles: ClusterRoles(
      coordinator: ProcessSize(threads: 1, memoryGB: 1),
      valueLearners: RoleSize(count: 1, threads: 1, memoryGB: 1),
      labellers: RoleSize(count: 1, threads: 1, memoryGB: 1),
      policyLearners: RoleSize(count: 1, threads: 1, memoryGB: 1),
      collectors: ProcessSize(threads: 1, memoryGB: 0.5)),
    endpoint: nil, trustedNetwork: false, runs: "runs", logs: "logs",
    restart: RestartSettings(
      limit: 8, forgottenAfterSeconds: 60, firstDelaySeconds: 0.5, longestDelaySeconds: 30),
    stopSeconds: 20,
    slurm: SlurmSettings(
      partition: nil, account: nil, time: nil, coordinatorOptions: [], learnerOptions: [],
      collectorOptions: [], setup: []),
    kubernetes: KubernetesSettings(
      namespace: nil, createNamespace: true, image: "localhost/recap:latest",
      imagePullPolicy: "IfNotPresent", imagePullSecrets: [], nodeSelector: [:], tolerations: [],
      storage: "20Gi", storageClass: nil, keysSecret: nil, httpTokenSecret: nil, probes: .exec),
    hosts: [], tunnelPort: nil)
}

extension HostSettings {
  static let defaults = HostSettings(
    name: "", ssh: nil, program: nil, directory: "/tmp/recap", roles: [], robots: nil)
}
