/// A cluster file inside of something that was stored, perhaps by an earlier version of recap: what that did not know has
/// its default.
public struct StoredClusterFile: Decodable, Sendable {
  public var file: ClusterFile

  public init(from decoder: any Decoder) throws {
    file = try ClusterFile.decoded(SettingNode(from: decoder))
  }
}
