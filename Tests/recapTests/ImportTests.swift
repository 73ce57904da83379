import EpisodeStorage
import Episodes
import Foundation
import Robots
import Testing

/// Demonstrations from files, and the commands that call the Python package.
struct ImportTests {
  /// A folder with `count` episode files of a workcell task.
  private func files(
    _ count: Int, task: String = "tshirt", source: EpisodeSource = .demonstration, in folder: URL
  ) throws {
    let robot = try WorkcellRobot(
      name: "cell", tasks: [task], cameras: nil, environmentState: true)
    let embodiment = robot.embodiment
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for number in 0..<count {
      var episode = Episode(
        metadata: EpisodeMetadata(
          id: "recorded#\(number)", job: "recorded", index: number, task: robot.tasks[0],
          embodiment: embodiment, robot: "mine", source: source, seed: UInt64.max - UInt64(number),
          outcome: .success, recordsImages: false, recordsEnvironmentState: true))
      for step in 0..<12 {
        let value = Float(number) + Float(step) / 100
        try episode.append(
          Observation(
            proprioception: Array(repeating: value, count: embodiment.proprioceptionWidth),
            environmentState: Array(repeating: -value, count: embodiment.environmentStateWidth),
            images: []),
          action: Array(repeating: value / 10, count: embodiment.actionWidth)[...],
          intervention: true)
      }
      let name = String(format: "episode_%06d.safetensors", number)
      try Data(EpisodeFile.serialize(episode)).write(to: folder.appending(path: name))
    }
  }

  @Test("demonstrations from files are a run's own, and the run goes on with them")
  func imported() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let (recorded, run) = (folder.appending(path: "recorded"), folder.appending(path: "run").path)
    try files(3, in: recorded)
    let result = try await RecapProcess.run(
      "import", "episodes", recorded.path, "Configs/smoke.yaml", "--dir", run)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("3 demonstrations of tshirt are in \(run)"))

    let resumed = try await RecapProcess.run("run", "--resume", run, "--quiet")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let archive = try ArchiveReader(directory: run)
    let rows = try await archive.episodes(matching: EpisodeQuery(sources: [.demonstration]))
    let tshirt = rows.filter { $0.task == "tshirt" }
    // Three jobs' worth would be four: the files say how many there are. The other task's are recorded as ever.
    #expect(tshirt.map(\.robot) == ["imported", "imported", "imported"])
    #expect(rows.count == 3 + 4)
    #expect(tshirt.map(\.index) == [0, 1, 2])
    for (number, row) in tshirt.enumerated() {
      let episode = try await archive.contents(of: row)
      #expect(episode.proprioception[0] == Float(number))
      #expect(episode.metadata.seed == UInt64.max - UInt64(number))
      #expect(episode.metadata.id == row.id && row.id.hasPrefix("tshirt/demonstrations/"))
    }
  }

  @Test("what cannot begin a run is refused in words, and nothing is made")
  func refusals() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    let (evaluation, other) = (folder.appending(path: "e"), folder.appending(path: "o"))
    try files(2, source: .evaluation, in: evaluation)
    try files(1, task: "box", in: other)
    let broken = folder.appending(path: "b")
    try FileManager.default.createDirectory(at: broken, withIntermediateDirectories: true)
    try Data("no".utf8).write(to: broken.appending(path: "x.safetensors"))
    for (place, expected) in [
      (folder.path, "found none"), (evaluation.path, "found none among 2 episodes"),
      (other.path, "box"), (broken.path, "x.safetensors"),
    ] {
      let result = try await RecapProcess.run(
        "import", "episodes", place, "Configs/smoke.yaml", "--dir", run)
      #expect(result.status != 0)
      #expect(result.errors.contains(expected), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: run))
    }
  }

  @Test(
    "commands of the Python package get their words, and end with its status",
    arguments: [
      (
        [
          "export", "lerobot", "runs/none", "set", "--version", "v2.1", "--task", "a", "--task",
          "b",
        ],
        "-m recap_robot.lerobot export runs/none set --version v2.1 --task a --task b"
      ),
      (
        ["export", "lerobot", "r", "set", "--source", "corrected", "--videos"],
        "-m recap_robot.lerobot export r set --version v3.0 --source corrected --videos"
      ),
      (
        ["robots", "check-driver", "ipc:///tmp/x", "--action", "-1,0", "--simulator", "--json"],
        "-m recap_robot.conformance ipc:///tmp/x --action=-1,0 --simulator --json"
      ),
    ])
  func python(arguments: [String], expected: String) async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let program = folder.appending(path: "python")
    // Asked afterwards whether it has the package, it says yes.
    try "#!/bin/sh\n[ \"$1\" = -c ] && exit 0\necho \"$@\"\nexit 3\n".write(
      to: program, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: program.path)
    let result = try await RecapProcess.run(arguments + ["--python", program.path])
    #expect(result.output == expected + "\n", "\(result.errors)")
    #expect(result.status == 3)
  }

  @Test("a Python without the package is told from a module that fails")
  func pythonWithoutThePackage() async throws {
    for python in ["/bin/false", "no-such-python"] {
      let result = try await RecapProcess.run(
        "robots", "check-driver", "ipc:///tmp/x", "--python", python)
      #expect(result.status != 0)
      #expect(result.errors.contains("'\(python)' cannot import recap_robot"), "\(result.errors)")
    }
  }
}
