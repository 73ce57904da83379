import Episodes
import RecapAlgorithm

// What workers and the archive say to each other. Blobs travel as one raw frame beside the header.

/// Stores a blob; the reply means it is durable. Frame 2: the bytes.
public struct PutBlobRequest: Request {
  public static let type = "archive.put-blob"
  /// What it is, for the catalogue: "checkpoint", "values", "labels".
  public var kind: String
  public init(kind: String) { self.kind = kind }

  public struct Reply: Codable, Sendable {
    public var digest: ContentDigest
    public init(digest: ContentDigest) { self.digest = digest }
  }
}

/// Fetches a blob. Reply frame 2: the bytes.
public struct GetBlobRequest: Request {
  public static let type = "archive.get-blob"
  public var digest: ContentDigest
  public init(digest: ContentDigest) { self.digest = digest }

  public struct Reply: Codable, Sendable {
    /// Bytes.
    public var size: Int
    public init(size: Int) { self.size = size }
  }
}

/// Stores an episode; the reply means that it is durable and catalogued. Frame 2: the episode file
/// (safetensors), whose metadata holds everything that the catalogue needs. An id that is stored
/// already is not stored again: the reply is the first one's receipt.
public struct PutEpisodeRequest: Request {
  public static let type = "archive.put-episode"
  public var id: String
  /// The run that it was recorded in: another run refuses it, since ids repeat from run to run. Nil
  /// for a run that gave no id.
  public var runID: String?
  public init(id: String, runID: String? = nil) {
    self.id = id
    self.runID = runID
  }

  public struct Reply: Codable, Sendable {
    public var receipt: EpisodeReceipt
    public init(receipt: EpisodeReceipt) { self.receipt = receipt }
  }
}

/// Which of a job's episodes are stored already: a collector that takes over a job does not record
/// them again.
public struct ListEpisodesRequest: Request {
  public static let type = "archive.list-episodes"
  public var job: String
  public init(job: String) { self.job = job }

  public struct Reply: Codable, Sendable {
    public var receipts: [EpisodeReceipt]
    public init(receipts: [EpisodeReceipt]) { self.receipts = receipts }
  }
}
