/// Where a coordinator is: an endpoint, or a file that it writes its endpoint into whenever it starts, for machines that
/// share a file system and do not know beforehand on which of them it will run.
public enum CoordinatorAddress {
  private static let filePrefix = "file:"

  /// The address of a coordinator that publishes its endpoint in a file.
  public static func published(inFile path: String) -> String { filePrefix + path }

  /// The file's path; nil for an endpoint.
  public static func file(of address: String) -> String? {
    address.hasPrefix(filePrefix) ? String(address.dropFirst(filePrefix.count)) : nil
  }

  /// What to publish for a coordinator that is bound to `endpoint`: an address of all of a machine's networks says nothing
  /// to others, so they find it by the machine's name, `host`.
  public static func reachable(_ endpoint: String, host: String) -> String {
    for everywhere in ["tcp://0.0.0.0:", "tcp://*:", "tcp://[::]:"]
    where endpoint.hasPrefix(everywhere) {
      return "tcp://\(host):\(endpoint.dropFirst(everywhere.count))"
    }
    return endpoint
  }
}
