import Episodes

/// Why an archive cannot be opened, or cannot do what it was asked.
public enum ArchiveError: Error, Equatable, CustomStringConvertible {
  /// Another process writes to the run directory.
  case locked(directory: String, holder: String)
  /// A new run was asked for where there is one already.
  case alreadyExists(directory: String, run: String)
  /// The run's directory could not be made.
  case cannotMake(directory: String, reason: String)
  /// There is no run in the directory.
  case notFound(directory: String)
  /// The process that made the directory ended before there was a run in it.
  case unfinished(directory: String)
  /// The catalogue's tables are not the ones that this version of recap knows.
  case otherVersion(directory: String, reason: String)
  /// The catalogue is damaged, or nobody may read it.
  case unreadable(directory: String, reason: String)
  /// No blob has this digest.
  case missingBlob(ContentDigest)
  /// The file's bytes do not have its digest any more.
  case corruptBlob(ContentDigest, actual: ContentDigest)
  /// The uploaded bytes are not the episode they are said to be.
  case rejectedEpisode(id: String, reason: String)
  /// The catalogue holds something that cannot be read back.
  case malformedRow(table: String, column: String, value: String)

  /// What was expected, and what was found.
  public var description: String {
    switch self {
    case .locked(let directory, let holder):
      "\(directory) is in use by \(holder); only one process writes to a run at a time"
    case .alreadyExists(let directory, let run):
      "\(directory) already holds run '\(run)'; resume it, or choose another directory"
    case .cannotMake(let directory, let reason):
      "cannot make the run's directory \(directory): \(reason)"
    case .notFound(let directory):
      "\(directory) holds no run: there is no catalogue.sqlite in it"
    case .unfinished(let directory):
      "\(directory) was never finished being created; start the run again"
    case .otherVersion(let directory, let reason):
      "\(directory): \(reason)"
    case .unreadable(let directory, let reason):
      "\(directory)/catalogue.sqlite cannot be read: \(reason)"
    case .missingBlob(let digest):
      "blob \(digest) is not in the archive"
    case .corruptBlob(let digest, let actual):
      "blob \(digest.short) is corrupt: its bytes have digest \(actual.short)"
    case .rejectedEpisode(let id, let reason):
      "episode '\(id)' is not stored: \(reason)"
    case .malformedRow(let table, let column, let value):
      "catalogue table \(table): column \(column) holds '\(value)'"
    }
  }
}
