import Configuration
import Foundation
import Testing

@testable import Launching

/// What Slurm's steps are given, and how they are let in.
@Suite struct SlurmLaunchTests {
  private func slurm(_ yaml: String, directory: String = "/shared/runs/demo-1") throws
    -> SlurmLaunch
  {
    SlurmLaunch(
      Launch(
        cluster: try ClusterFile(yaml: yaml), directory: directory, run: "demo",
        robots: ["cell-1"]), program: "/bin/recap")
  }

  @Test func everyStepAsksForItsCores() throws {
    let text = try slurm(
      """
      kind: slurm
      roles:
        coordinator: {threads: 2}
        policyLearners: {threads: 8}
        valueLearners: {ranks: 2, threads: 3}
      """
    ).mainScript.text.replacing("\\\n", with: " ")
    let steps = text.split(separator: "\n").filter { $0.contains("srun --het-group") }
    #expect(steps.count == 3)
    for (step, cores) in zip(steps, [2, 8, 3]) {
      #expect(step.contains(" --cpus-per-task=\(cores) "), "\(step)")
    }
  }

  @Test("workers on other nodes are let in by the run's keys, unless the network is trusted")
  func keys() throws {
    let usual = try slurm("kind: slurm")
    #expect(usual.mainScript.text.contains("--listen 'tcp://*:*' --publish"))
    for text in [usual.mainScript.text, usual.collectorScript.text] {
      let workers = text.split(separator: "\n").filter { $0.contains("--connect") }
      #expect(!workers.isEmpty)
      #expect(workers.allSatisfy { $0.contains("--keys /shared/runs/demo-1/keys") }, "\(text)")
      #expect(!text.contains("--trusted-network"))
    }
    #expect(usual.caution == nil)
    let trusted = try slurm("{kind: slurm, trustedNetwork: true}")
    #expect(!trusted.mainScript.text.contains("--keys"))
    #expect(trusted.mainScript.text.contains("--trusted-network"))
    let oneNode = try slurm("{kind: slurm, endpoint: 'tcp://127.0.0.1:*'}")
    #expect(!oneNode.mainScript.text.contains("--keys"))
    #expect(oneNode.caution?.contains("which only its own node reaches") == true)
  }

  @Test("paths are whole in #SBATCH lines, whatever is in them")
  func paths() throws {
    let slurm = try slurm("kind: slurm", directory: "/shared/a \"run\" 5%")
    #expect(
      slurm.mainScript.text.contains(
        "\n#SBATCH --output=\"/shared/a \\\"run\\\" 5%%/logs/slurm-main-%j.log\"\n"))
    #expect(
      slurm.collectorScript.text.contains(
        "\n#SBATCH --output=\"/shared/a \\\"run\\\" 5%%/logs/slurm-collectors-%A-%a.log\"\n"))
    #expect(slurm.mainScript.text.contains("\n#SBATCH --job-name=recap-demo\n"))
  }
}
