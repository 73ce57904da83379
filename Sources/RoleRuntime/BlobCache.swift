import Episodes

/// Blobs fetched lately, bounded in bytes; those unused longest go first. A blob never changes, so
/// an entry is never stale.
actor BlobCache {
  private struct Entry {
    var bytes: [UInt8]
    var lastUse: Int
  }

  /// Bytes that it may hold.
  let capacity: Int
  private(set) var size = 0
  private var entries: [ContentDigest: Entry] = [:]
  private var uses = 0

  init(capacity: Int) { self.capacity = capacity }

  subscript(digest: ContentDigest) -> [UInt8]? {
    guard let bytes = entries[digest]?.bytes else { return nil }
    uses += 1
    entries[digest]?.lastUse = uses
    return bytes
  }

  /// Keeps a blob, unless it alone is larger than the cache.
  func insert(_ bytes: [UInt8], for digest: ContentDigest) {
    guard bytes.count <= capacity, entries[digest] == nil else { return }
    uses += 1
    entries[digest] = Entry(bytes: bytes, lastUse: uses)
    size += bytes.count
    while size > capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
      entries[oldest.key] = nil
      size -= oldest.value.bytes.count
    }
  }
}
