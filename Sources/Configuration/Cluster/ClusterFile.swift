/// Where the roles of a run are processes: on one machine, under Slurm, on Kubernetes, or on several machines over ssh.
///
/// A person writes the part that differs from the defaults as YAML (`load`); `Documentation/Deployment.md` describes
/// every key. A run remembers the whole as JSON (`resolvedJSON`), so that it can be launched again.
public struct ClusterFile: Codable, Hashable, Sendable {
  /// What starts the processes. Required.
  public var kind: ClusterKind
  /// How many processes each role has, and what each of them may use.
  public var roles: ClusterRoles
  /// Where the coordinator listens; nil for the kind's own choice.
  public var endpoint: String?
  /// Whether nobody needs a key at an address that other machines reach, although nothing there is then encrypted or
  /// authenticated.
  public var trustedNetwork: Bool
  /// The directory that new runs, with their archives, are made in.
  public var runs: String
  /// The directory of the processes' logs; a relative one is in the run's directory.
  public var logs: String
  public var restart: RestartSettings
  /// How long a process may take to stop before it is killed.
  public var stopSeconds: Double
  /// Only for `kind: slurm`.
  public var slurm: SlurmSettings
  /// Only for `kind: kubernetes`.
  public var kubernetes: KubernetesSettings
  /// For, and only for, `kind: hosts`: the machines, at least one.
  public var hosts: [HostSettings]
  /// Only for `kind: hosts`: the first of the ports, one a process, at which the processes on other machines find the
  /// coordinator on their own loopback address; nil for 17700.
  public var tunnelPort: Int?
}

/// What starts the processes of a run.
public enum ClusterKind: String, Codable, Hashable, Sendable, CaseIterable {
  case local
  case slurm
  case kubernetes
  case hosts
}

/// The roles' processes. Collectors are as many as the run has robots, and there is one coordinator.
public struct ClusterRoles: Codable, Hashable, Sendable {
  public var coordinator: ProcessSize
  public var valueLearners: RoleSize
  public var labellers: RoleSize
  public var policyLearners: RoleSize
  /// Of each robot's collector.
  public var collectors: ProcessSize
}

/// What one process may use.
public struct ProcessSize: Codable, Hashable, Sendable {
  /// Processor cores, and for a learner the threads that it trains with.
  public var threads: Int
  /// Memory in units of 10⁹ bytes.
  public var memoryGB: Double

  public init(threads: Int, memoryGB: Double) {
    self.threads = threads
    self.memoryGB = memoryGB
  }
}

/// A role's processes and what each of them may use.
public struct RoleSize: Codable, Hashable, Sendable {
  public var count: Int
  /// Processes that each learner is made of, which train together over MPI; what follows is for each.
  public var ranks = 1
  /// Processor cores, and for a learner the threads that it trains with.
  public var threads: Int
  /// Memory in units of 10⁹ bytes.
  public var memoryGB: Double

  public var size: ProcessSize { ProcessSize(threads: threads, memoryGB: memoryGB) }
}

/// When a process that ended is started again.
public struct RestartSettings: Codable, Hashable, Sendable {
  /// Restarts in a row after which a process is given up.
  public var limit: Int
  /// A process that ran for this long has its earlier restarts forgotten.
  public var forgottenAfterSeconds: Double
  /// The wait before the first restart; each further one in a row doubles it.
  public var firstDelaySeconds: Double
  public var longestDelaySeconds: Double

  public init(
    limit: Int, forgottenAfterSeconds: Double, firstDelaySeconds: Double,
    longestDelaySeconds: Double
  ) {
    self.limit = limit
    self.forgottenAfterSeconds = forgottenAfterSeconds
    self.firstDelaySeconds = firstDelaySeconds
    self.longestDelaySeconds = longestDelaySeconds
  }
}

/// What Slurm is asked for besides cores and memory.
public struct SlurmSettings: Codable, Hashable, Sendable {
  /// Nil for the cluster's default partition.
  public var partition: String?
  public var account: String?
  /// The time limit of each job, in minutes or as Slurm writes it, such as `2-00:00:00`; nil for the partition's.
  public var time: String?
  /// Further `#SBATCH` options, such as `--constraint=learner`, by the job's part; none that the scripts say themselves.
  public var coordinatorOptions: [String]
  /// Of value learners, labellers and policy learners.
  public var learnerOptions: [String]
  public var collectorOptions: [String]
  /// Lines of the batch scripts before anything is started, such as `module load recap`.
  public var setup: [String]
}

/// What the manifests say besides cores and memory.
public struct KubernetesSettings: Codable, Hashable, Sendable {
  /// The namespace, of one run; nil for `recap-` and the name of the run's directory.
  public var namespace: String?
  /// Whether the manifests make the namespace, which takes rights in the whole cluster.
  public var createNamespace: Bool
  /// The image that `Cluster/kubernetes/Containerfile` builds, as the nodes find it.
  public var image: String
  public var imagePullPolicy: String
  /// Names of Secrets, made by you, with which the image is pulled.
  public var imagePullSecrets: [String]
  /// Labels of the nodes that pods may be put on; empty for any.
  public var nodeSelector: [String: String]
  /// Taints of nodes that pods may be put on all the same.
  public var tolerations: [Toleration]
  /// The size of the volume that the archive is on, such as `100Gi`.
  public var storage: String
  /// Nil for the cluster's default class.
  public var storageClass: String?
  /// The name of a Secret, made by you, with the keys that `recap keys` makes; each role has those that it needs at
  /// `/etc/recap/keys`. Nil for none.
  public var keysSecret: String?
  /// The name of a Secret, made by you, whose `token` the dashboard asks for; nil for no dashboard.
  public var httpTokenSecret: String?
  /// How the coordinator's health is asked for.
  public var probes: ProbeKind
}

/// How Kubernetes learns whether the coordinator is well.
public enum ProbeKind: String, Codable, Hashable, Sendable, CaseIterable {
  /// `recap probe` runs in the container and asks over ZeroMQ.
  case exec
  /// `GET /healthz` and `/readyz` of the dashboard, at port 8080.
  case http
}

/// A taint of nodes that pods bear, as Kubernetes writes it.
public struct Toleration: Codable, Hashable, Sendable {
  /// The taint's; nil for all.
  public var key: String?
  /// `Equal`, which is meant by nil, or `Exists`.
  public var `operator`: String?
  public var value: String?
  /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; nil for all.
  public var effect: String?
  /// How long a pod stays on a node that gets the taint, in seconds; nil for ever.
  public var tolerationSeconds: Int?
}

/// A machine of `kind: hosts`.
public struct HostSettings: Codable, Hashable, Sendable {
  /// Unique within the file. Required.
  public var name: String
  /// What `ssh` is given to reach it, such as `me@robot-pc`; nil for the machine that launches.
  public var ssh: String?
  /// The `recap` program there; nil for the one that launches.
  public var program: String?
  /// A directory there for what is not yet sent: made where it is missing.
  public var directory: String
  /// The roles whose processes it takes.
  public var roles: [String]
  /// The robots whose collectors it takes; nil for any.
  public var robots: [String]?

  /// What `roles` may hold.
  public static let roleNames = ["collectors", "labellers", "policyLearners", "valueLearners"]
}
