import EpisodeStorage
import Episodes
import Foundation
import HTTPService
import Monitoring
import RecapAlgorithm

/// The dashboard of one run: a page, the data behind it as JSON, metrics for Prometheus, and the few actions that
/// a coordinator takes.
public struct Dashboard: Sendable {
  /// What a coordinator at hand can be asked to do.
  public struct Actions: Sendable {
    /// Holds a robot back, or lets it go on: its name, whether it pauses, and who wants it.
    public var setPaused: @Sendable (String, Bool, String) async throws -> Void
    /// Lets a robot in no more: its name, and who wants it.
    public var remove: @Sendable (String, String) async throws -> Void
    /// Takes a person's word on an episode: its id, what they say, and who says so.
    public var judge: @Sendable (String, Opinion, String) async throws -> Void

    public init(
      setPaused: @escaping @Sendable (String, Bool, String) async throws -> Void,
      remove: @escaping @Sendable (String, String) async throws -> Void,
      judge: @escaping @Sendable (String, Opinion, String) async throws -> Void
    ) {
      self.setPaused = setPaused
      self.remove = remove
      self.judge = judge
    }
  }

  let watch: RunWatch
  let shelf: EpisodeShelf
  let access: DashboardAccess
  let files: PageFiles
  let actions: Actions?
  let answers = AnswerCache()

  /// - Parameters:
  ///   - actions: Nil where there is no coordinator: for looking only.
  ///   - valuation: For episodes without labels.
  public init(
    _ watch: RunWatch, access: DashboardAccess, actions: Actions? = nil,
    files: PageFiles = PageFiles(), valuation: @escaping EpisodeValuation = { _, _ in nil }
  ) {
    self.watch = watch
    self.access = access
    self.actions = actions
    self.files = files
    shelf = EpisodeShelf(archive: watch.archive, valuation: valuation)
  }

  /// Everything that it answers to.
  public var routes: HTTPRoutes {
    var routes = HTTPRoutes()
    let (files, access) = (files, access)
    routes.check { request in
      let isData = request.path.hasPrefix("/api/") || request.path == "/metrics"
      return isData && request.path != "/api/session" ? access.readingRefusal(request) : nil
    }
    routes.on("GET", "/") { _ in try files.response("index.html") }
    routes.on("GET", "/page/{file}") { try files.response($0.parameters["file"] ?? "") }
    routes.on("GET", "/favicon.ico") { _ in try files.response("icon.svg") }
    routes.on("GET", "/healthz") { _ in .text("ok\n") }
    routes.on("GET", "/readyz") { _ in
      do {
        _ = try await watch.stamp()
        return .text("ready\n")
      } catch {
        return .text("the archive cannot be read: \(error)\n", status: 503)
      }
    }
    routes.on("GET", "/metrics") { _ in
      .text(
        PrometheusText.text(try await watch.snapshot()),
        type: "text/plain; version=0.0.4; charset=utf-8")
    }
    addViews(to: &routes)
    addEpisodes(to: &routes)
    addLabels(to: &routes)
    addActions(to: &routes)
    return routes
  }

  // MARK: - Views of the snapshot

  private func addViews(to routes: inout HTTPRoutes) {
    routes.on("GET", "/api/live") { _ in .events { try await stream(to: $0) } }
    routes.on("GET", "/api/run") { _ in try await answer("run") { RunView($0) } }
    routes.on("GET", "/api/robots") { _ in try await answer("robots") { RobotView.all($0) } }
    routes.on("GET", "/api/improvement") { _ in
      try await answer("improvement") { $0.report }
    }
    routes.on("GET", "/api/learners") { _ in
      try await answer("learners") {
        Learners(trainings: TrainingView.all($0), learners: LearnerView.all($0))
      }
    }
    routes.on("GET", "/api/curves") { request in
      let job = try request.required("job")
      guard try await watch.snapshot().timeline.plan.job(job) != nil else {
        throw HTTPFailure(404, "the run has no job '\(job)'")
      }
      return try .json(try await watch.curves(of: job))
    }
    routes.on("GET", "/api/events") { request in
      let before = request.query["before"].flatMap { Int($0) } ?? .max
      let kinds = request.query["kinds"].map {
        Set($0.split(separator: ",").compactMap { RunTimeline.Incident.Kind(rawValue: String($0)) })
      }
      let snapshot = try await watch.snapshot()
      let matching = snapshot.timeline.incidents.reversed().lazy.filter {
        $0.id < before && (kinds?.contains($0.kind) ?? true)
      }
      return try .json(Events(incidents: Array(matching.prefix(200)), alerts: Alert.all(snapshot)))
    }
  }

  /// Tells a client whenever something has changed, at most once a second.
  private func stream(to sender: EventSender) async throws {
    var last: RunWatch.Stamp?
    var quiet = 0
    while true {
      let stamp = try await watch.stamp()
      quiet += 1
      if stamp != last {
        try await sender.event("stamp", data: try JSONText.text(stamp))
        (last, quiet) = (stamp, 0)
      } else if quiet >= 10 {
        try await sender.ping()
        quiet = 0
      }
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// A view as JSON, made once for all who ask while nothing has changed.
  private func answer(
    _ name: String, _ view: @escaping @Sendable (WatchSnapshot) -> some Encodable & Sendable
  ) async throws -> HTTPResponse {
    let snapshot = try await watch.snapshot()
    let stamp = snapshot.stamp
    // What is under way has ages and estimates, which grow older by themselves.
    let second = snapshot.state == .running ? Int(snapshot.now.timeIntervalSince1970) : 0
    let tag = "\(name)-\(stamp.plan)-\(stamp.episodes)-\(stamp.live)-\(second)"
    return try await answers.answer(name, tag: tag) { try JSONText.bytes(view(snapshot)) }
  }

  private struct Learners: Codable, Sendable {
    var trainings: [TrainingView]
    var learners: [LearnerView]
  }

  private struct Events: Codable, Sendable {
    var incidents: [RunTimeline.Incident]
    var alerts: [Alert]
  }
}

/// The latest answers, so that many clients cost what one does.
actor AnswerCache {
  private var answers: [String: (tag: String, bytes: [UInt8])] = [:]

  func answer(
    _ name: String, tag: String, _ make: @Sendable () throws -> [UInt8]
  ) throws -> HTTPResponse {
    if answers[name]?.tag != tag { answers[name] = (tag, try make()) }
    return .data(answers[name]?.bytes ?? [], type: "application/json", tag: tag)
  }
}
