import ArgumentParser
import Dispatch
import EpisodeStorage
import Episodes
import Executors
import Foundation
import Networks
import Policies
import RecapAlgorithm

/// How fast episodes become durable, and how fast a learner draws samples from them.
struct StoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store",
    abstract: "Times the archive: durable episodes a second, random training samples a second.",
    discussion: """
      Episodes have 200 steps and two cameras of 64 x 64: 4.9 MB each. Archive and disk take \
      turns: the archive stores episodes, the disk gets files of the same size in the same \
      directory, written and flushed by as many threads at a time.

      Then a policy learner's inputs are drawn from all the episodes, on one thread: frames at \
      random, two images as the network reads them, the state, and a chunk of 16 actions. All \
      episodes are in memory for that, as they are in a learner.

        recap-bench store --directory /data/bench
        recap-bench store --directory /data/bench --episodes 200 --json
      """)

  @Option(help: "An empty or new directory on the disk to measure; what is made in it is removed.")
  var directory: String

  @Option(help: "Episodes in the archive in the end.")
  var episodes = 2000

  @Option(help: "Episodes that are stored at a time, by as many collectors.")
  var writers = 4

  @Option(help: "Turns of archive and disk.")
  var rounds = 7

  @Option(help: "Seconds of drawing samples.")
  var seconds = 5.0

  @Flag(help: "One line of JSON.")
  var json = false

  /// Episodes of one turn.
  private static let turn = 24
  private static let samplesAtATime = 32

  func validate() throws {
    guard writers > 0, rounds > 0, seconds > 0, episodes >= rounds * Self.turn else {
      throw ValidationError(
        "writers, rounds and seconds must be above 0, and episodes at least rounds x \(Self.turn); "
          + "got \(writers), \(rounds), \(seconds), \(episodes)")
    }
  }

  func run() async throws {
    let manager = FileManager.default
    if let there = try? manager.contentsOfDirectory(atPath: directory), !there.isEmpty {
      throw ValidationError("\(directory) is not empty")
    }
    try manager.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? manager.removeItem(atPath: directory) }
    let archive = try await Archive.create(
      at: "\(directory)/run",
      run: RunDescription(name: "bench", configuration: "{}", version: "bench"))
    var figures = try await write(to: archive)
    try await read(from: archive, &figures)
    try await archive.close()
    if json { try printJSON(figures) } else { print(figures) }
  }

  // MARK: - Writing

  private func write(to archive: Archive) async throws -> StoreFigures {
    let base = try BenchEpisode()
    var figures = StoreFigures()
    var next = 0
    for round in 0..<rounds {
      let files = try (next..<next + Self.turn).map { try base.file($0) }
      next += Self.turn
      figures.episodeBytes = files[0].bytes.count
      // Who goes first alternates.
      for isArchive in round.isMultiple(of: 2) ? [true, false] : [false, true] {
        let time =
          isArchive
          ? try await store(files, in: archive)
          : try await storeOnDisk(files.map { Data($0.bytes) }, round: round)
        let rate = Double(files.count) / time
        if isArchive { figures.archiveRates.append(rate) } else { figures.diskRates.append(rate) }
      }
    }
    while next < episodes {
      let count = min(Self.turn, episodes - next)
      _ = try await store(try (next..<next + count).map { try base.file($0) }, in: archive)
      next += count
    }
    figures.episodes = next
    return figures
  }

  /// Seconds until all files are durable.
  private func store(_ files: [BenchEpisode.File], in archive: Archive) async throws -> Double {
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, file) in files.enumerated() {
        if index >= writers { try await group.next() }
        group.addTask { try await archive.putEpisode(id: file.id, file: file.bytes) }
      }
      try await group.waitForAll()
    }
    return (.now - start) / .seconds(1)
  }

  private func storeOnDisk(_ files: [Data], round: Int) async throws -> Double {
    let folder = "\(directory)/disk-\(round)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let writers = writers
    let seconds = try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global().async {
        let start = ContinuousClock.now
        let flushed = Locked(0)
        DispatchQueue.concurrentPerform(iterations: writers) { writer in
          for index in stride(from: writer, to: files.count, by: writers) {
            let path = "\(folder)/\(index)"
            guard FileManager.default.createFile(atPath: path, contents: nil),
              let handle = FileHandle(forWritingAtPath: path),
              (try? handle.write(contentsOf: files[index])) != nil,
              (try? handle.synchronize()) != nil, (try? handle.close()) != nil
            else { return }
            flushed.withLock { $0 += 1 }
          }
        }
        let time = (ContinuousClock.now - start) / .seconds(1)
        continuation.resume(
          with: flushed.withLock { $0 } == files.count
            ? .success(time)
            : .failure(ValidationError("the files of \(folder) could not be written")))
      }
    }
    try FileManager.default.removeItem(atPath: folder)
    return seconds
  }

  // MARK: - Reading

  private func read(from archive: Archive, _ figures: inout StoreFigures) async throws {
    let need = figures.episodeBytes * figures.episodes
    let available = try ProcessFigures.availableBytes()
    // What is parsed is in memory twice for a moment; the rest is left to the machine.
    let fitting = min(figures.episodes, Int(Double(available) * 0.7) / figures.episodeBytes)
    if fitting < figures.episodes {
      FileHandle.standardError.write(
        Data(
          "\(need >> 20) MiB of episodes, \(available >> 20) MiB of memory: \(fitting) are drawn from\n"
            .utf8))
    }
    let start = ContinuousClock.now
    var loaded: [Episode] = []
    loaded.reserveCapacity(fitting)
    for row in try await archive.episodes().prefix(fitting) {
      loaded.append(try EpisodeFile.parse(try await archive.blob(row.digest)))
    }
    figures.loadRate = Double(fitting) / ((.now - start) / .seconds(1))
    figures.drawnFrom = fitting
    let trainer = try PolicyTrainer(
      policy: Policy(settings: BenchEpisode.policy, learningFrom: Array(loaded[..<4]), seed: 1),
      examples: TrainingExamples(episodes: loaded, labels: loaded.map { _ in nil }),
      settings: TrainingSettings(
        steps: 1, batchSize: Self.samplesAtATime, learningRate: 1e-3),
      indicatorDropout: 0.3, seed: 1)
    loaded = []
    var samples = 0
    let begin = ContinuousClock.now
    repeat {
      figures.sampleBytes = trainer.drawInputs(Self.samplesAtATime) / Self.samplesAtATime
      samples += Self.samplesAtATime
    } while ContinuousClock.now - begin < .seconds(seconds)
    figures.sampleRate = Double(samples) / ((.now - begin) / .seconds(1))
  }
}

/// What `recap-bench store` gives.
struct StoreFigures: Encodable, CustomStringConvertible {
  var episodes = 0
  var episodeBytes = 0
  /// Durable files a second, a turn each.
  var archiveRates: [Double] = []
  var diskRates: [Double] = []
  /// Episodes a second that are read, checked against their digests and parsed.
  var loadRate = 0.0
  var drawnFrom = 0
  var sampleRate = 0.0
  /// Bytes of one sample as a network reads it.
  var sampleBytes = 0

  private enum CodingKeys: String, CodingKey {
    case episodes
    case episodeBytes = "episode_bytes"
    case archiveRates = "archive_episodes_per_second"
    case diskRates = "disk_files_per_second"
    case share = "archive_share_of_disk"
    case loadRate = "loaded_episodes_per_second"
    case drawnFrom = "drawn_from_episodes"
    case sampleRate = "samples_per_second"
    case sampleBytes = "sample_bytes"
  }

  /// The median of the turns' ratios.
  var share: Double { Quantiles(zip(archiveRates, diskRates).map { $0 / $1 })(0.5) }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(episodes, forKey: .episodes)
    try values.encode(episodeBytes, forKey: .episodeBytes)
    try values.encode(archiveRates, forKey: .archiveRates)
    try values.encode(diskRates, forKey: .diskRates)
    try values.encode(share, forKey: .share)
    try values.encode(loadRate, forKey: .loadRate)
    try values.encode(drawnFrom, forKey: .drawnFrom)
    try values.encode(sampleRate, forKey: .sampleRate)
    try values.encode(sampleBytes, forKey: .sampleBytes)
  }

  var description: String {
    String(
      format: """
        durable episodes: %.0f/s of %.2f MB in the archive, %.0f/s on the disk: %.2f of it \
        (medians of %d turns)
        reading: %.0f episodes/s, checked and parsed
        samples: %.0f/s on one thread, %d bytes each, from %d episodes
        """, Quantiles(archiveRates)(0.5), Double(episodeBytes) / 1e6, Quantiles(diskRates)(0.5),
      share, archiveRates.count, loadRate, sampleRate, sampleBytes, drawnFrom)
  }
}
