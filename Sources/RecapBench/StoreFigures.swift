import Foundation

/// What `recap-bench store` gives.
struct StoreFigures: Encodable, CustomStringConvertible {
  var episodes = 0
  var episodeBytes = 0
  /// Episodes that were stored, or files that were written, at a time.
  var writers = 0
  /// Durable files a second, a turn each; the disk's through the page cache and past it, empty where
  /// it has no such way.
  var archiveRates: [Double] = []
  var cachedRates: [Double] = []
  var directRates: [Double] = []
  /// Processor time of one episode in the archive, in seconds, a turn each.
  var archiveProcessorTimes: [Double] = []
  /// Episodes a second, read as a learner reads them.
  var loadRate = 0.0
  var drawnFrom = 0
  /// Samples a second of one core's time, a turn each, and of the clock's.
  var sampleRates: [Double] = []
  var sampleClockRates: [Double] = []
  var copyRates: [Double] = []
  /// Bytes of one sample as a network reads it, and as it is stored.
  var sampleBytes = 0
  var storedSampleBytes = 0

  private enum CodingKeys: String, CodingKey {
    case episodes, writers
    case episodeBytes = "episode_bytes"
    case archiveRates = "archive_episodes_per_second"
    case cachedRates = "disk_cached_files_per_second"
    case directRates = "disk_direct_files_per_second"
    case share = "archive_share_of_disk"
    case processorTime = "processor_seconds_per_episode"
    case loadRate = "loaded_episodes_per_second"
    case drawnFrom = "drawn_from_episodes"
    case sampleRate = "samples_per_core_second"
    case sampleClockRate = "samples_per_second"
    case sampleBytes = "sample_bytes"
    case copyRate = "copied_samples_per_core_second"
    case storedSampleBytes = "stored_sample_bytes"
    case copyShare = "samples_share_of_copied"
  }

  /// What the disk gave in each turn, the faster way.
  private var diskRates: [Double] {
    cachedRates.indices.map { turn in
      max(cachedRates[turn], directRates.isEmpty ? 0 : directRates[turn])
    }
  }
  /// The median of the turns' ratios.
  private var share: Double { median(zip(archiveRates, diskRates).map { $0 / $1 }) }
  private var copyShare: Double { median(zip(sampleRates, copyRates).map { $0 / $1 }) }

  private func median(_ values: [Double]) -> Double { Quantiles(values)(0.5) }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(episodes, forKey: .episodes)
    try values.encode(episodeBytes, forKey: .episodeBytes)
    try values.encode(writers, forKey: .writers)
    try values.encode(archiveRates, forKey: .archiveRates)
    try values.encode(cachedRates, forKey: .cachedRates)
    try values.encode(directRates, forKey: .directRates)
    try values.encode(share, forKey: .share)
    try values.encode(median(archiveProcessorTimes), forKey: .processorTime)
    try values.encode(loadRate, forKey: .loadRate)
    try values.encode(drawnFrom, forKey: .drawnFrom)
    try values.encode(median(sampleRates), forKey: .sampleRate)
    try values.encode(median(sampleClockRates), forKey: .sampleClockRate)
    try values.encode(sampleBytes, forKey: .sampleBytes)
    try values.encode(median(copyRates), forKey: .copyRate)
    try values.encode(storedSampleBytes, forKey: .storedSampleBytes)
    try values.encode(copyShare, forKey: .copyShare)
  }

  var description: String {
    let direct =
      directRates.isEmpty
      ? "has no O_DIRECT" : String(format: "%.0f past it", median(directRates))
    return [
      String(
        format: "durable episodes: %.0f/s of %.2f MB in the archive, %.0f/s on the disk: %.2f",
        median(archiveRates), Double(episodeBytes) / 1e6, median(diskRates), share),
      String(
        format: "  (medians of %d turns, %d at a time; the disk: %.0f through the page cache, ",
        archiveRates.count, writers, median(cachedRates)) + direct
        + String(
          format: "; the archive's\n  processor time: %.1f ms an episode)",
          1000 * median(archiveProcessorTimes)),
      String(format: "loading: %.0f episodes/s, checked and parsed", loadRate),
      String(
        format: "samples: %.0f/s on one core, %d bytes each, from %d episodes; by the clock %.0f/s",
        median(sampleRates), sampleBytes, drawnFrom, median(sampleClockRates)),
      String(
        format: "  (their %d stored bytes copied: %.0f/s; the samples are %.2f of it)",
        storedSampleBytes, median(copyRates), copyShare),
    ].joined(separator: "\n")
  }
}
