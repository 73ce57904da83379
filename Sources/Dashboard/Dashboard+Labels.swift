import EpisodeStorage
import Episodes
import Foundation
import HTTPService
import Monitoring
import RecapAlgorithm

extension Dashboard {
  func addLabels(to routes: inout HTTPRoutes) {
    routes.on("GET", "/api/labels") { _ in
      let sets = try await watch.snapshot().labelSets
      return try .json(sets.map(LabelSetView.init))
    }
    // What other settings would give: nothing is stored.
    routes.on("GET", "/api/labels/preview") { request in
      let (task, set) = try await labelSet(request)
      let share: Double? = try request.number("share")
      if let share, !(share > 0 && share < 1) {
        throw HTTPFailure(400, "share: expected a number between 0 and 1, got \(share)")
      }
      let text = request.query["lookahead"]
      let lookahead: Int?? =
        text == "end" ? .some(nil) : try request.number("lookahead").map(Optional.some)
      if case .some(.some(let lookahead)) = lookahead, lookahead < 1 {
        throw HTTPFailure(400, "lookahead: expected at least 1 step or 'end', got \(lookahead)")
      }
      let preview = try await shelf.preview(
        task, set, of: watch.configuration, positiveShare: share, lookahead: lookahead)
      return try .json(preview)
    }
    // How well the value function behind a label set does on the episodes that it labelled.
    routes.on("GET", "/api/labels/quality") { request in
      let (task, set) = try await labelSet(request)
      let quality = try await shelf.quality(
        task, set, failureCost: watch.configuration.method.failureCost)
      guard let quality else {
        throw HTTPFailure(404, "\(set.metadata.job) holds no step of \(task)")
      }
      await watch.note(quality, of: "\(set.metadata.job) (\(task))")
      return try .json(quality)
    }
  }

  private func labelSet(_ request: HTTPRequest) async throws -> (String, LabelSetRow) {
    let (task, job) = (try request.required("task"), try request.required("job"))
    let sets = try await watch.snapshot().labelSets
    guard let set = sets.last(where: { $0.metadata.job == job && $0.metadata.tasks[task] != nil })
    else { throw HTTPFailure(404, "there is no label set \(job) for \(task)") }
    return (task, set)
  }

  func addActions(to routes: inout HTTPRoutes) {
    let (access, actions) = (access, actions)
    routes.on("GET", "/api/session") { request in
      let standing = access.standing(request)
      return try .json(
        [
          "actions": standing.canAct && actions != nil, "signed": standing.isSigned,
          "reading": access.readingRefusal(request) == nil,
        ])
    }
    routes.on("POST", "/api/session") { request in
      let given = try Self.body(SignIn.self, of: request)
      guard let cookie = access.cookie(for: given.token) else {
        throw HTTPFailure(401, "this is not the token")
      }
      var response = try HTTPResponse.json(["signed": true])
      response.headers.append(("Set-Cookie", cookie))
      return response
    }
    func onAction<Wish: Decodable & Sendable>(
      _ path: String, _ type: Wish.Type,
      _ act: @escaping @Sendable (Actions, Wish, HTTPRequest) async throws -> Void
    ) {
      routes.on("POST", path) { request in
        try access.checkAction(request)
        guard let actions else {
          throw HTTPFailure(409, "this server only reads: no coordinator is at hand")
        }
        let wish = try Self.body(type, of: request)
        do {
          try await act(actions, wish, request)
        } catch let failure as HTTPFailure {
          throw failure
        } catch is CancellationError {
          throw HTTPFailure(503, "the coordinator is stopping")
        } catch {
          throw HTTPFailure(409, "\(error)")
        }
        return try .json(["done": true])
      }
    }
    onAction("/api/robots/pause", Pause.self) { actions, wish, request in
      let person = "\(Self.name(wish.by) ?? "somebody") at \(request.client)"
      try await actions.setPaused(wish.robot, wish.paused, person)
    }
    onAction("/api/robots/remove", Removal.self) { actions, wish, request in
      try await actions.remove(
        wish.robot, "\(Self.name(wish.by) ?? "somebody") at \(request.client)")
    }
    onAction("/api/episodes/judge", Judging.self) { actions, wish, _ in
      // Without the address: the same person at another machine is no second rater.
      guard let rater = Self.name(wish.by) else {
        throw HTTPFailure(400, "a judgement needs the rater's name in 'by'")
      }
      let opinion = Opinion(outcome: wish.outcome, criteria: wish.criteria)
      try await actions.judge(wish.episode, opinion, rater)
    }
  }

  /// A person's name as it is recorded; nil where there is none.
  private static func name(_ text: String?) -> String? {
    let name = (text ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    return name.isEmpty ? nil : String(name.prefix(60))
  }

  private struct SignIn: Decodable { var token: String }

  private struct Pause: Decodable {
    var robot: String
    var paused: Bool
    /// Who wants it.
    var by: String?
  }

  private struct Removal: Decodable {
    var robot: String
    /// Who wants it.
    var by: String?
  }

  private struct Judging: Decodable {
    /// Its id.
    var episode: String
    /// Left out where it follows from the criteria.
    var outcome: Outcome?
    var criteria: [String: Bool]?
    /// Who says so.
    var by: String?
  }

  private static func words(for error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      return path.isEmpty ? "" : "'\(path)': "
    }
    return switch error {
    case .keyNotFound(let key, let context): "\(place(context))'\(key.stringValue)' is missing"
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      "\(place(context))expected \(type)"
    case .dataCorrupted(let context): "\(place(context))\(context.debugDescription)"
    @unknown default: "\(error)"
    }
  }

  private static func body<Value: Decodable>(
    _ type: Value.Type, of request: HTTPRequest
  ) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(request.body))
    } catch let error as DecodingError {
      throw HTTPFailure(400, "the body is not what \(request.path) takes: \(words(for: error))")
    }
  }
}

/// A label set at a glance.
struct LabelSetView: Codable, Sendable {
  var job: String
  var iteration: Int?
  var storedAt: Date
  /// N; nil for the end of the episode.
  var lookahead: Int?
  var tasks: [String: TaskLabelSummary]

  init(_ row: LabelSetRow) {
    job = row.metadata.job
    iteration = row.iteration
    storedAt = row.storedAt
    lookahead = row.metadata.lookahead
    tasks = row.metadata.tasks
  }
}
