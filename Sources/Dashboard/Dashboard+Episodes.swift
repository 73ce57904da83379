import EpisodeStorage
import Episodes
import HTTPService
import Monitoring
import RecapAlgorithm

extension Dashboard {
  func addEpisodes(to routes: inout HTTPRoutes) {
    routes.on("GET", "/api/episodes") { request in
      let query = try episodeQuery(request)
      let page = try await watch.archive.episodePage(
        matching: query, before: try request.number("before"))
      let limit = query.limit ?? page.count
      let tally = try await watch.snapshot().tally
      return try .json(
        EpisodeList(
          episodes: page.map(EpisodeLine.init), matching: tally.count(matching: query),
          before: page.count == limit ? page.last?.sequence : nil))
    }
    // What there is to filter by.
    routes.on("GET", "/api/episodes/choices") { _ in
      let groups = try await watch.snapshot().tally.groups.keys
      return try .json(
        [
          "tasks": Set(groups.map(\.task)).sorted(),
          "robots": Set(groups.map(\.robot)).sorted {
            $0.localizedStandardCompare($1) == .orderedAscending
          },
          "iterations": Set(groups.compactMap(\.iteration)).sorted().map(String.init),
          "sources": EpisodeSource.allCases.map(\.rawValue),
        ])
    }
    routes.on("GET", "/api/episode") { request in
      let id = try request.required("id")
      let snapshot = try await watch.snapshot()
      var view = try await shelf.view(id, labelSets: snapshot.labelSets)
      view.ratings = snapshot.timeline.ratings[id] ?? []
      view.criteria =
        watch.configuration.tasks.first { $0.name == view.line.task }?.criteria ?? []
      return try .json(view)
    }
    routes.on("GET", "/api/episode/film") { request in
      let id = try request.required("id")
      let first: Int = try request.number("first") ?? 0
      let count: Int = try request.number("count") ?? 64
      let camera: Int = try request.number("camera") ?? 0
      let png = try await shelf.film(id, camera: camera, first: first, count: count)
      var response = HTTPResponse.data(png, type: "image/png")
      // Episodes never change, and another run at this address has another page.
      response.headers.removeAll { $0.name == "Cache-Control" }
      response.headers.append(("Cache-Control", "private, max-age=3600"))
      return response
    }
  }

  /// - Throws: `HTTPFailure` for an outcome or source that there is not.
  private func episodeQuery(_ request: HTTPRequest) throws -> EpisodeQuery {
    func choice<Value: RawRepresentable>(_ name: String, _ all: [Value]) throws -> Value?
    where Value.RawValue == String {
      guard let text = request.query[name], !text.isEmpty else { return nil }
      guard let value = Value(rawValue: text) else {
        throw HTTPFailure(
          400, "\(name): expected \(all.map(\.rawValue).joined(separator: ", ")), got '\(text)'")
      }
      return value
    }
    func text(_ name: String) -> String? { request.query[name].flatMap { $0.isEmpty ? nil : $0 } }
    let source = try choice("source", EpisodeSource.allCases)
    let limit: Int = try request.number("limit") ?? 50
    return EpisodeQuery(
      task: text("task"), robot: text("robot"), sources: source.map { [$0] },
      iteration: try request.number("iteration"),
      outcome: try choice("outcome", Outcome.allCases),
      limit: min(max(limit, 1), 500))
  }
}
