import Configuration
import Foundation
import Testing
import Yams

@testable import Launching

/// What Slurm and Kubernetes are given.
@Suite struct ClusterRenderingTests {
  private func launch(_ yaml: String, robots: [String] = ["cell-1", "cell-2"]) throws -> Launch {
    Launch(
      cluster: try ClusterFile(yaml: yaml), directory: "/shared/runs/a run", run: "demo",
      robots: robots)
  }

  @Test func slurmsMainJobHasACoordinatorAndItsLearners() throws {
    let slurm = SlurmLaunch(
      try launch(
        """
        kind: slurm
        roles: {policyLearners: {count: 2, threads: 4, memoryGB: 8}}
        slurm: {partition: main, learnerOptions: [--constraint=learner], setup: [module load recap]}
        """), program: "/bin/recap")
    let lines = slurm.mainScript.text.split(separator: "\n").map(String.init)
    #expect(lines.first == "#!/bin/bash")
    let parts = slurm.mainScript.text.components(separatedBy: "#SBATCH hetjob\n")
    #expect(parts.count == 2)
    #expect(parts[0].contains("#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=1\n"))
    #expect(parts[0].contains("#SBATCH --partition=main\n") && parts[0].contains("--requeue"))
    // 8 · 10⁹ bytes over 4 cores are 1907.3 · 2²⁰.
    #expect(
      parts[1].hasPrefix(
        "#SBATCH --partition=main\n#SBATCH --ntasks=4\n#SBATCH --cpus-per-task=4\n"
          + "#SBATCH --mem-per-cpu=1908M\n#SBATCH --constraint=learner\n"))
    #expect(lines.contains("module load recap"))
    #expect(
      lines.contains { $0.hasPrefix("  3) exec") && $0.contains("--name policy-learner-2") })
    #expect(
      parts[1].contains("--publish '/shared/runs/a run/launch/coordinator.endpoint'"))
  }

  @Test func ranksAreAStepOfTheirOwnInAPartOfTheirOwn() throws {
    let slurm = SlurmLaunch(
      try launch(
        """
        kind: slurm
        roles: {policyLearners: {count: 2, ranks: 4, threads: 2}, valueLearners: {ranks: 2}}
        """), program: "/bin/recap")
    let parts = slurm.mainScript.text.components(separatedBy: "#SBATCH hetjob\n")
    #expect(parts.count == 5)
    // What is left of the learners is the labeller.
    #expect(parts[1].hasPrefix("#SBATCH --ntasks=1\n"))
    #expect(parts[2].hasPrefix("#SBATCH --ntasks=2\n#SBATCH --cpus-per-task=1\n"))
    #expect(parts[4].hasPrefix("#SBATCH --ntasks=4\n#SBATCH --cpus-per-task=2\n"))
    let steps = parts[4].split(separator: "\n").filter { $0.contains("--mpi=pmix") }
    #expect(steps.count == 3)
    #expect(
      steps[2].hasPrefix("/bin/recap launch keep --name policy-learner-2 ")
        && steps[2].contains(
          " -- srun --het-group=4 --ntasks=4 --cpus-per-task=2 --mpi=pmix --kill-on-bad-exit=1 "
            + "/bin/recap policy-learner ")
        && steps[2].hasSuffix(" --mpi &"))
  }

  @Test func slurmsCollectorsAreAnArrayThatFollowsTheMainJob() throws {
    let slurm = SlurmLaunch(try launch("kind: slurm"), program: "/bin/recap")
    let text = slurm.collectorScript.text
    #expect(text.hasPrefix("#!/bin/bash\n#SBATCH --array=0-1\n"))
    #expect(text.contains("\n1) exec /bin/recap launch keep --name collector-cell-2 "))
    #expect(text.contains("--connect 'file:/shared/runs/a run/launch/coordinator.endpoint'"))
    #expect(slurm.submitCollectors(after: "12").contains("--dependency=after:12"))
  }

  @Test func theScriptsAreBash() throws {
    let slurm = SlurmLaunch(
      try launch("{kind: slurm, roles: {valueLearners: {ranks: 2}}}"), program: "/bin/recap")
    for script in [slurm.mainScript.text, slurm.collectorScript.text] {
      let bash = Process()
      bash.executableURL = URL(filePath: "/bin/bash")
      bash.arguments = ["-n", "-c", script]
      try bash.run()
      bash.waitUntilExit()
      #expect(bash.terminationStatus == 0)
    }
  }

  private func manifests(_ yaml: String) throws -> [Node] {
    let launch = try launch(yaml)
    let text = try KubernetesLaunch(
      launch, configuration: "{\n  \"name\": \"demo\",\n  \"seed\": 1\n}",
      at: KubernetesPlace(
        ofRunAt: "runs/a-run", namespace: launch.cluster.kubernetes.namespace, launch: "x")
    ).text
    return Array(try Yams.compose_all(yaml: text))
  }

  @Test func kubernetesHasAnObjectForEachPartOfTheRun() throws {
    let objects = try manifests(
      "{kind: kubernetes, trustedNetwork: true, roles: {policyLearners: {count: 3}}}")
    func name(_ node: Node) -> String {
      "\(node["kind"]?.string ?? "") \(node["metadata"]?["name"]?.string ?? "")"
    }
    #expect(
      objects.map(name) == [
        "Namespace recap-a-run", "ConfigMap run", "Service coordinator",
        "NetworkPolicy coordinator", "StatefulSet coordinator", "Deployment value-learner",
        "Deployment labeller", "Deployment policy-learner", "Deployment collector-cell-1",
        "Deployment collector-cell-2",
      ])
    #expect(
      objects.dropFirst().allSatisfy { $0["metadata"]?["namespace"]?.string == "recap-a-run" })
    let learner = try #require(objects.first { name($0) == "Deployment policy-learner" })
    #expect(learner["spec"]?["replicas"]?.int == 3)
    let container = learner["spec"]?["template"]?["spec"]?["containers"]?[0]
    // Replicas need names of their own.
    #expect(container?["args"]?.array().map { $0.string ?? "" }.contains("$(POD_NAME)") == true)
    #expect(container?["resources"]?["requests"]?["cpu"]?.string == "1")
    // What a text looks like must not make it a number.
    #expect(container?["resources"]?["requests"]?["cpu"]?.tag.description == Tag.Name.str.rawValue)
    let data = objects[1]["data"]?["configuration.yaml"]?.string
    #expect(data == "{\n  \"name\": \"demo\",\n  \"seed\": 1\n}\n")
  }

  @Test func aSecretWithKeysIsMountedInEveryRoleAndProbesCanBeHTTP() throws {
    let objects = try manifests(
      """
      kind: kubernetes
      kubernetes:
        {keysSecret: recap-keys, httpTokenSecret: recap-http, probes: http, namespace: lab}
      """)
    let pods = objects.compactMap { $0["spec"]?["template"]?["spec"] }
    #expect(pods.count == 6)
    for pod in pods {
      let mounts = pod["containers"]?[0]?["volumeMounts"]?.array() ?? []
      #expect(mounts.contains { $0["mountPath"]?.string == "/etc/recap/keys" })
      let arguments = (pod["containers"]?[0]?["args"]?.array() ?? []).compactMap(\.string)
      #expect(arguments.suffix(2) == ["--keys", "/etc/recap/keys"])
      #expect(!arguments.contains("--trusted-network"))
      let volumes = pod["volumes"]?.array() ?? []
      #expect(volumes.contains { $0["secret"]?["secretName"]?.string == "recap-keys" })
    }
    let ready = pods[0]["containers"]?[0]?["readinessProbe"]
    #expect(ready?["httpGet"]?["path"]?.string == "/readyz")
    #expect(objects[0]["metadata"]?["name"]?.string == "lab")
  }
}
