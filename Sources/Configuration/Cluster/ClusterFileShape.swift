// The shape of a cluster file: what is not listed here is not valid.

extension ClusterFile {
  static let shape = Shape.mapping([
    "kind": Shape.Field(shape: .choice(ClusterKind.allCases.map(\.rawValue)), required: true),
    "roles": Shape.Field(
      shape: .mapping([
        "coordinator": Shape.Field(shape: processSize),
        "collectors": Shape.Field(shape: processSize),
        "valueLearners": Shape.Field(shape: roleSize), "labellers": Shape.Field(shape: roleSize),
        "policyLearners": Shape.Field(shape: roleSize),
      ])),
    "endpoint": Shape.Field(shape: .text(.endpoint(.listening)), mayBeNothing: true),
    "trustedNetwork": Shape.Field(shape: .boolean),
    "runs": Shape.Field(shape: .text(.any)),
    "logs": Shape.Field(shape: .text(.any)),
    "restart": Shape.Field(
      shape: .mapping([
        "limit": Shape.Field(shape: .integer(.from(0, to: 1_000_000))),
        "forgottenAfterSeconds": Shape.Field(shape: .number(.above(0))),
        "firstDelaySeconds": Shape.Field(shape: .number(.above(0, to: 3600))),
        "longestDelaySeconds": Shape.Field(shape: .number(.above(0, to: 3600))),
      ])),
    "stopSeconds": Shape.Field(shape: .number(.above(0, to: 3600))),
    "slurm": Shape.Field(shape: .mapping(slurmFields)),
    "kubernetes": Shape.Field(shape: .mapping(kubernetesFields)),
    "hosts": Shape.Field(shape: .list(of: .mapping(hostFields), atLeast: 1)),
    "tunnelPort": Shape.Field(shape: .integer(.from(1024, to: 60_000)), mayBeNothing: true),
  ])

  private static let sizeFields: [String: Shape.Field] = [
    "threads": Shape.Field(shape: .integer(.from(1, to: 1024))),
    "memoryGB": Shape.Field(shape: .number(.from(0.01, to: 100_000))),
  ]
  private static let processSize = Shape.mapping(sizeFields)
  private static let roleSize = Shape.mapping(
    sizeFields.merging([
      "count": Shape.Field(shape: .integer(.from(1, to: 10_000))),
      "ranks": Shape.Field(shape: .integer(.from(1, to: 1024))),
    ]) { $1 })

  private static let options = Shape.Field(shape: .list(of: .text(.any), atLeast: 0))

  private static let slurmFields: [String: Shape.Field] = [
    "partition": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "account": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "time": Shape.Field(shape: .text(.slurmTime), mayBeNothing: true),
    "coordinatorOptions": options, "learnerOptions": options, "collectorOptions": options,
    "setup": options,
  ]

  private static let kubernetesFields: [String: Shape.Field] = [
    "namespace": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "createNamespace": Shape.Field(shape: .boolean),
    "image": Shape.Field(shape: .text(.any)),
    "imagePullPolicy": Shape.Field(shape: .choice(["Always", "IfNotPresent", "Never"])),
    "imagePullSecrets": Shape.Field(shape: .list(of: .text(.objectName), atLeast: 0)),
    "nodeSelector": Shape.Field(shape: .labels),
    "tolerations": Shape.Field(shape: .list(of: .mapping(tolerationFields), atLeast: 0)),
    "storage": Shape.Field(shape: .text(.quantity)),
    "storageClass": Shape.Field(shape: .text(.objectName), mayBeNothing: true),
    "keysSecret": Shape.Field(shape: .text(.objectName), mayBeNothing: true),
    "httpTokenSecret": Shape.Field(shape: .text(.objectName), mayBeNothing: true),
    "probes": Shape.Field(shape: .choice(ProbeKind.allCases.map(\.rawValue))),
  ]

  private static let tolerationFields: [String: Shape.Field] = [
    "key": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "operator": Shape.Field(shape: .choice(["Equal", "Exists"]), mayBeNothing: true),
    "value": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "effect": Shape.Field(
      shape: .choice(["NoExecute", "NoSchedule", "PreferNoSchedule"]), mayBeNothing: true),
    "tolerationSeconds": Shape.Field(shape: .integer(.atLeast(0)), mayBeNothing: true),
  ]

  private static let hostFields: [String: Shape.Field] = [
    "name": Shape.Field(shape: .text(.name), required: true),
    "ssh": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "program": Shape.Field(shape: .text(.any), mayBeNothing: true),
    "directory": Shape.Field(shape: .text(.any)),
    "roles": Shape.Field(
      shape: .list(of: .choice(HostSettings.roleNames), atLeast: 1), required: true),
    "robots": Shape.Field(shape: .list(of: .text(.name), atLeast: 1), mayBeNothing: true),
  ]
}
