import CoordinatorRole
import EpisodeStorage

extension ArchiveReader {
  /// The episode that a person means: the one with this id, or the only one whose id begins so.
  ///
  /// - Throws: `NoSuchEpisode` or `SeveralEpisodes`.
  func episode(named text: String) async throws -> EpisodeRow {
    if let row = try await episode(id: text) { return row }
    let rows = text.isEmpty ? [] : try await episodes().filter { $0.id.hasPrefix(text) }
    guard let row = rows.first else { throw NoSuchEpisode(id: text, directory: directory) }
    guard rows.count == 1 else { throw SeveralEpisodes(start: text, ids: rows.map(\.id)) }
    return row
  }
}

/// The beginning of more ids than one.
struct SeveralEpisodes: Error, CustomStringConvertible {
  var start: String
  var ids: [String]

  var description: String {
    let shown = ids.prefix(5).joined(separator: ", ") + (ids.count > 5 ? ", …" : "")
    return "\(ids.count) episodes' ids begin with '\(start)': \(shown); give more of it"
  }
}
