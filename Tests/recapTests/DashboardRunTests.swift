import Foundation
import HTTPService
import Monitoring
import Testing

struct DashboardRunTests {
  @Test("a run serves its dashboard while it goes on, and status reads it afterwards")
  func served() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    let errors = Pipe()
    let process = try RecapProcess.start(
      ["run", "Configs/smoke.yaml", "--dir", run, "--http", "127.0.0.1:0"],
      output: .nullDevice, errors: errors.fileHandleForWriting)
    try errors.fileHandleForWriting.close()
    var url: String?
    for await line in errors.fileHandleForReading.lines {
      guard let found = line.firstRange(of: "dashboard at ") else { continue }
      let place = String(line[found.upperBound...])
      url = place
      let view = try await Self.get(RunView.self, "\(place)api/run")
      #expect(view.name == "smoke" && view.state == .running && view.isLive)
      #expect(view.tasks == ["tshirt", "espresso"])
      let page = try await HTTPClient.get(place)
      #expect(page.status == 200)
      #expect(String(decoding: page.body, as: UTF8.self).contains("page/app.js"))
      let metrics = try await HTTPClient.get("\(place)metrics")
      #expect(
        String(decoding: metrics.body, as: UTF8.self)
          .contains("recap_run_state{state=\"running\"} 1"))
      #expect(try await HTTPClient.get("\(place)api/episode?id=none").status == 404)
      #expect(try await HTTPClient.get("\(place)api/episodes?outcome=odd").status == 400)
    }
    #expect(url != nil)
    await process.ended()
    #expect(process.terminationStatus == 0)
    let status = try await RecapProcess.run("status", run, "--json")
    #expect(status.status == 0, "\(status.errors)")
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    let report = try decoder.decode(StatusReport.self, from: Data(status.output.utf8))
    #expect(report.run.state == .finished && report.run.jobsDone == report.run.jobs)
    #expect(report.robots.map(\.name) == ["cell-1", "cell-2"])
    #expect(report.run.stages.allSatisfy { $0.state == .done })
    try await judging(run)
  }

  @Test("alerts are posted to a web address while a run goes on")
  func webhook() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let server = try await HTTPServer.bind(host: "127.0.0.1", port: 0)
    let (bodies, posted) = AsyncStream.makeStream(of: [UInt8].self)
    var routes = HTTPRoutes()
    routes.on("POST", "/hook") { request in
      posted.yield(request.body)
      return .text("ok")
    }
    let serving = Task { [routes] in try await server.run(routes) }
    let file = folder.appending(path: "hook").path
    try "http://127.0.0.1:\(server.port)/hook\n".write(
      toFile: file, atomically: true, encoding: .utf8)
    let process = try RecapProcess.start(
      [
        "run", "Configs/smoke.yaml", "--dir", folder.appending(path: "run").path, "--quiet",
        "--alert-webhook-file", file, "--set", "monitoring.freeDiskShare=0.9999",
      ], output: .nullDevice, errors: .nullDevice)
    var notice: AlertFeed.Notice?
    for await body in bodies {
      notice = try JSONDecoder().decode(AlertFeed.Notice.self, from: Data(body))
      break
    }
    #expect(notice?.alert == .diskNearlyFull && notice?.state == .open && notice?.run == "smoke")
    #expect(notice?.text.hasPrefix("recap smoke: ") == true)
    await process.ended()
    #expect(process.terminationStatus == 0)
    serving.cancel()
    _ = await serving.result
  }

  /// A rater's word on an episode of a run that is over.
  private func judging(_ run: String) async throws {
    struct Line: Decodable {
      var id: String
      var outcome: String
      var recordedOutcome: String
    }
    func failures() async throws -> [Line] {
      let list = try await RecapProcess.run(
        "episodes", "list", run, "--outcome", "failure", "--json")
      return try JSONDecoder().decode([Line].self, from: Data(list.output.utf8))
    }
    let before = try await failures()
    let one = try #require(before.first)
    let judged = try await RecapProcess.run(
      "episodes", "label", run, "--by", "anna", "--episode", one.id, "--as", "success")
    #expect(judged.status == 0, "\(judged.errors)")
    #expect(judged.output == "\(one.id): success by anna\n")
    #expect(try await failures().map(\.id) == before.map(\.id).filter { $0 != one.id })
    let shown = try await RecapProcess.run("episodes", "show", run, one.id)
    #expect(shown.output.contains("success (recorded as failure)"), "\(shown.output)")
    let verified = try await RecapProcess.run("episodes", "verify", run)
    #expect(verified.status == 0, "\(verified.errors)")
  }

  private static func get<Value: Decodable>(_ type: Value.Type, _ url: String) async throws -> Value
  {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    return try decoder.decode(type, from: Data(try await HTTPClient.get(url).body))
  }
}
