import Configuration
import Foundation
import Testing

struct CommandLineTests {
  @Test(
    "--seed is checked as the configuration's seed is",
    arguments: [("-1", "-1"), ("18446744073709551615", "the text '18446744073709551615'")])
  func seedOutOfRange(seed: String, shown: String) async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    let result = try await RecapProcess.run(
      "run", "Configs/smoke.yaml", "--dir", run, "--seed=\(seed)")
    #expect(result.status != 0)
    #expect(
      result.errors.contains(
        "seed (from the command line): got \(shown); expected an integer, at least 0"))
    #expect(!FileManager.default.fileExists(atPath: run))
  }

  @Test(
    "what is refused is refused in words, before anything is made",
    arguments: [
      (["run", "Configs"], "is a directory"),
      (["run", "Configs/smoke.yaml", "--seed", "-1"], "got -1; expected an integer, at least 0"),
      (["run", "Configs/smoke.yaml", "--dir", "README.md/run"], "README.md is a file"),
      (["run", "Configs/smoke.yaml", "--dir", "/proc/foo"], "cannot make the run's directory"),
      (["coordinator", "Configs/smoke.yaml"], "--listen tcp://127.0.0.1:7700"),
      (["episodes", "list", "nowhere", "--limit", "-1"], "--limit: got -1"),
      (["check", "Configs/smoke.yaml", "--set", "seed=-1"], "got -1"),
      (["plot", "value", "nowhere", "x", "--output", "a.gif"], ".svg, .png or .html"),
      (["label", "preview", "nowhere", "--task", "x", "--positive-share", "2"], "got 2.0"),
      (
        ["label", "preview", "nowhere", "--task", "x", "--lookahead", "-3"],
        "--lookahead: got -3; expected an integer, at least 1, or 'end'"
      ),
      (
        ["label", "preview", "nowhere", "--task", "x", "--lookahead", "soon"], "got soon; expected"
      ),
      (["plot", "value", "nowhere", "x", "--drops", "-1"], "--drops: got -1; expected an integer"),
      (["experiment", "Configs/smoke.yaml"], "is a run's configuration; expected an experiment"),
      (["dashboard", "nowhere", "--http", "0.0.0.0:8080"], "so a token is needed"),
      (["dashboard", "nowhere", "--http", "nonsense"], "--http"),
      (["run", "Configs/smoke.yaml", "--http-token-file", "x"], "goes with --http"),
      (["status"], "Give a run's directory, or --url"),
      (["status", "--url", "http://127.0.0.1:1"], "http://127.0.0.1:1/api/"),
      (["serve"], "either --checkpoint FOLDER or --run RUN --task TASK"),
      (["serve", "--run", "nowhere", "--port", "0"], "nowhere holds no run"),
      (["serve", "--checkpoint", "nowhere", "--port", "0"], "there is no nowhere"),
      (["serve", "--checkpoint", "Configs", "--port", "0"], "expected config.json and model.saf"),
      (["serve", "--checkpoint", "x", "--host", "0.0.0.0"], "--api-key-file FILE, or --trusted"),
      (["serve", "--checkpoint", "x", "--map", "nothing"], "theirs=ours"),
      (["serve", "--checkpoint", "x", "--guidance", "11"], "expected a number from 0 to 10"),
      (
        ["coordinator", "Configs/smoke.yaml", "--listen", "tcp://127.0.0.1:99999"],
        "the port is '99999'; expected 1 to 65535, or * for any free one"
      ),
      (["labeller", "--connect", "tcp://127.0.0.1:*"], "the port is '*'; expected 1 to 65535"),
      (["labeller", "--connect", "tcp://127.0.0.1"], "expected tcp://ADDRESS:PORT"),
      (["workcell", "--task", "sushi"], "the workcell has no task 'sushi'"),
    ])
  func refusals(arguments: [String], expected: String) async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    let isStart = arguments[0] == "coordinator"
    let result = try await RecapProcess.run(arguments + (isStart ? ["--dir", run] : []))
    #expect(result.status != 0)
    #expect(result.errors.contains(expected), "\(result.errors)")
    #expect(!result.errors.contains("To go on") && !result.errors.contains("Domain"))
    #expect(!FileManager.default.fileExists(atPath: run))
  }

  @Test("check prints what a run would store")
  func check() async throws {
    let result = try await RecapProcess.run("check", "Configs/smoke.yaml")
    #expect(result.status == 0, "\(result.errors)")
    let checked = try RunConfiguration(resolvedJSON: result.output)
    #expect(checked.robots.map(\.name) == ["cell-1", "cell-2"])
  }

  @Test("the paper's five tasks are accepted by name")
  func fiveTasks() async throws {
    let result = try await RecapProcess.run("check", "Configs/workcell.yaml")
    #expect(result.status == 0, "\(result.errors)")
    let checked = try RunConfiguration(resolvedJSON: result.output)
    #expect(
      checked.tasks.map(\.name)
        == ["tshirts-and-shorts", "laundry", "tshirt-collar-up", "espresso", "box"])
  }

  @Test("workcell measures the coach, with reasons and scored stages")
  func workcell() async throws {
    let result = try await RecapProcess.run(
      "workcell", "--task", "box", "--episodes", "8", "--failures")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("box   flawless        100.0 %"), "\(result.output)")
    #expect(result.output.contains("done: take a sheet"))
    #expect(result.output.contains("failed: time limit"))
  }

  @Test("a worker without a coordinator says what it waits for")
  func waiting() async throws {
    let errors = Pipe()
    let process = try RecapProcess.start(
      ["labeller", "--connect", "ipc:///tmp/recap-nobody.sock"], output: .nullDevice,
      errors: errors.fileHandleForWriting)
    try errors.fileHandleForWriting.close()
    for await line in errors.fileHandleForReading.lines {
      if line.contains("waiting for a coordinator at ipc:///tmp/recap-nobody.sock") { break }
    }
    kill(process.processIdentifier, SIGTERM)
    await process.ended()
  }
}
