import ArgumentParser
import EpisodeStorage
import Episodes
import Foundation
import Messaging
import Policies
import RecapAlgorithm
import RoleRuntime

/// How fast episodes become durable, and how fast a learner draws samples from them.
struct StoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store",
    abstract: "Times the archive: durable episodes a second, random training samples a second.",
    discussion: """
      Episodes have 200 steps and two cameras of 64 x 64: 4.9 MB each. Archive and disk take \
      turns: the archive stores episodes, the disk gets files of the same bytes in the same \
      directory, written and flushed by as many threads at a time, once through the page cache \
      and once past it. The faster way of each turn is what the disk gives.

      Then a learner's client loads all the episodes through the archive, and a policy learner's \
      inputs are drawn from them, on one thread and by the code with which it trains: frames at \
      random, two images as the network reads them, the state, and a chunk of 16 actions. All \
      episodes are in memory for that, as they are in a learner. Copies of the same samples' \
      stored bytes take turns with it: what memory gives. Their rates are of the thread's own \
      processor time, so that other programs matter less.

        recap-bench store --directory /data/bench
        recap-bench store --directory /data/bench --episodes 500 --json
      """)

  @Option(help: "An empty or new directory on the disk to measure; what is made in it is removed.")
  var directory: String

  @Option(help: "Episodes in the archive in the end.")
  var episodes = 2000

  @Option(help: "Episodes that are stored at a time, by as many collectors.")
  var writers = 8

  @Option(help: "Turns of archive and disk.")
  var rounds = 9

  @Option(help: "Seconds of drawing samples.")
  var seconds = 5.0

  @Flag(help: "One line of JSON.")
  var json = false

  /// Episodes of one turn.
  private static let turn = 48
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
    figures.writers = writers
    var next = 0
    for round in 0..<rounds {
      let files = try (next..<next + Self.turn).map { try base.file($0) }
      next += Self.turn
      figures.episodeBytes = files[0].bytes.count
      let disk = DiskReference(files.map(\.bytes))
      let folder = "\(directory)/disk"
      // Who goes first alternates.
      for contender in 0..<3 {
        // What was written before is not the next one's burden.
        sync()
        switch (round + contender) % 3 {
        case 0:
          let before = try ProcessFigures.processorSeconds()
          figures.archiveRates.append(Double(files.count) / (try await store(files, in: archive)))
          figures.archiveProcessorTimes.append(
            (try ProcessFigures.processorSeconds() - before) / Double(files.count))
        case 1:
          guard let rate = try await rate(of: disk, folder, bypassesCache: false) else {
            throw ValidationError("the files of \(folder) could not be written")
          }
          figures.cachedRates.append(rate)
        default:
          if let rate = try await rate(of: disk, folder, bypassesCache: true) {
            figures.directRates.append(rate)
          }
        }
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

  /// Files a second of a turn of the disk's; nil where it has no such way.
  private func rate(
    of disk: DiskReference, _ folder: String, bypassesCache: Bool
  ) async throws -> Double? {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let time = await disk.write(to: folder, threads: writers, bypassesCache: bypassesCache)
    try FileManager.default.removeItem(atPath: folder)
    return time.map { Double(Self.turn) / $0 }
  }

  // MARK: - Reading

  private func read(from archive: Archive, _ figures: inout StoreFigures) async throws {
    let need = figures.episodeBytes * figures.episodes
    let available = try ProcessFigures.availableBytes()
    // The rest is left to the machine.
    let fitting = min(figures.episodes, Int(Double(available) * 0.8) / figures.episodeBytes)
    if fitting < figures.episodes {
      FileHandle.standardError.write(
        Data(
          "\(need >> 20) MiB of episodes, \(available >> 20) MiB of memory: \(fitting) are drawn from\n"
            .utf8))
    }
    let rows = try await archive.episodes().prefix(fitting)
    let start = ContinuousClock.now
    let loaded = try await load(rows.map(\.digest), from: archive)
    figures.loadRate = Double(fitting) / ((.now - start) / .seconds(1))
    figures.drawnFrom = fitting
    let trainer = try PolicyTrainer(
      policy: Policy(settings: BenchEpisode.policy, learningFrom: Array(loaded[..<4]), seed: 1),
      examples: TrainingExamples(episodes: loaded, labels: loaded.map { _ in nil }),
      settings: TrainingSettings(
        steps: 1, batchSize: Self.samplesAtATime, learningRate: 1e-3),
      indicatorDropout: 0.3, seed: 1)
    var copies = CopyReference(loaded, chunkLength: BenchEpisode.policy.chunkLength)
    figures.storedSampleBytes = copies.sampleBytes
    let begin = ContinuousClock.now
    repeat {
      let drawn = rates {
        figures.sampleBytes = trainer.drawInputs(Self.samplesAtATime) / Self.samplesAtATime
      }
      figures.sampleRates.append(drawn.core)
      figures.sampleClockRates.append(drawn.clock)
      figures.copyRates.append(rates { copies.draw(Self.samplesAtATime) }.core)
    } while ContinuousClock.now - begin < .seconds(seconds)
  }

  /// Loads episodes as a learner does: its client asks, and the archive's side answers as the
  /// coordinator does.
  private func load(_ digests: [ContentDigest], from archive: Archive) async throws -> [Episode] {
    let transport = InProcessTransport()
    var router = RequestRouter()
    router.on(GetBlobRequest.self) { request in
      let bytes = try await archive.blob(request.body.digest)
      return Envelope(GetBlobRequest.Reply(size: bytes.count), frames: [Frame(bytes)])
    }
    let server = Task { [router] in try await transport.server.serve(router) }
    defer { server.cancel() }
    return try await ArchiveClient(client: transport.connect()).getEpisodes(digests)
  }

  /// Samples a second over a quarter of a second: of this thread's processor time, and by the clock.
  private func rates(_ draw: () -> Void) -> (core: Double, clock: Double) {
    let (start, processor) = (ContinuousClock.now, ProcessFigures.threadSeconds())
    var samples = 0
    repeat {
      draw()
      samples += Self.samplesAtATime
    } while ContinuousClock.now - start < .seconds(0.25)
    return (
      Double(samples) / (ProcessFigures.threadSeconds() - processor),
      Double(samples) / ((.now - start) / .seconds(1))
    )
  }
}
