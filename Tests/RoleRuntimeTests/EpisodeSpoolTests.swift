import DurableFiles
import Episodes
import Foundation
import Messaging
import Testing

@testable import RoleRuntime

@Suite final class EpisodeSpoolTests {
  private let directory =
    NSTemporaryDirectory() + "recap-spool-\(UInt64.random(in: 0 ... .max))"
  private let archive = FakeArchive()
  private let link: TestLink
  private let server: Task<Void, any Error>

  init() {
    link = TestLink(archive.makeRouter())
    server = link.serve()
  }

  deinit {
    server.cancel()
    try? FileManager.default.removeItem(atPath: directory)
  }

  @Test func anAcknowledgedEpisodeLeavesNoFile() async throws {
    let spool = try EpisodeSpool(directory: directory, runID: "0123456789ab")
    let receipt = try await spool.upload(
      try makeEpisode(id: "espresso/1/collect/3#7"), to: makeArchiveClient(link))
    #expect(receipt.id == "espresso/1/collect/3#7")
    #expect(await archive.episodeRunID == "0123456789ab")
    #expect(try await spool.waiting == [])
    let stored = try #require(await archive.blob(receipt.digest))
    #expect(try EpisodeFile.parse(stored).metadata.id == receipt.id)
  }

  @Test func aCrashBeforeTheAcknowledgementLosesNothing() async throws {
    await archive.fallSilent()
    let client = makeArchiveClient(link)
    let episode = try makeEpisode(id: "t/0/demo#1")
    do {
      let spool = try EpisodeSpool(directory: directory)
      let upload = Task { try await spool.upload(episode, to: client) }
      // The archive has the episode in hand, but says nothing; then the collector dies.
      await archive.receivesEpisode()
      upload.cancel()
      await #expect(throws: CancellationError.self) { try await upload.value }
    }
    await archive.speakAgain()
    let spool = try EpisodeSpool(directory: directory)
    #expect(try await spool.waiting == ["t/0/demo#1"])
    #expect(spool.length.value == 1)
    let receipts = try await spool.drain(to: client)
    #expect(receipts.map(\.id) == ["t/0/demo#1"])
    #expect(try await spool.waiting == [])
  }

  @Test func aCrashBeforeTheRemovalStoresNothingTwice() async throws {
    let client = makeArchiveClient(link)
    let episode = try makeEpisode(id: "e")
    let spool = try EpisodeSpool(directory: directory)
    let first = try await spool.upload(episode, to: client)
    try await spool.store(try EpisodeFile.serialize(episode), id: "e")
    #expect(try await spool.drain(to: client) == [first])
    #expect(await archive.episodes.count == 1)
    #expect(await archive.episodeUploads == 2)
  }

  @Test func aHalfWrittenFileIsNoEpisode() async throws {
    _ = try EpisodeSpool(directory: directory)
    let name = "\(directory)/\(EpisodeSpool.fileName(of: "e"))\(EpisodeSpool.partialSuffix)"
    try Data([1, 2]).write(to: URL(fileURLWithPath: name))
    let spool = try EpisodeSpool(directory: directory)
    #expect(try await spool.waiting == [])
    #expect(!FileManager.default.fileExists(atPath: name))
  }

  @Test func aRefusedEpisodeIsSetAsideAndHoldsUpNoOther() async throws {
    let client = makeArchiveClient(link)
    await archive.refuse(episode: "a")
    let spool = try EpisodeSpool(directory: directory)
    for id in ["a", "b"] {
      try await spool.store(try EpisodeFile.serialize(try makeEpisode(id: id)), id: id)
    }
    #expect(try await spool.drain(to: client).map(\.id) == ["b"])
    #expect(try await spool.waiting == [])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(directory)/rejected")
        == ["a.safetensors"])
  }

  @Test(arguments: ["e", "a/b/c#12", "100%", "..", "naïve ✓", "a.safetensors"])
  func everyIDHasAFlatFileName(_ id: String) {
    let name = EpisodeSpool.fileName(of: id)
    #expect(!name.contains("/"))
    #expect(!name.hasPrefix("."))
    #expect(EpisodeSpool.episodeID(name) == id)
  }

  @Test func aDiskThatCannotBeWrittenIsNamed() async throws {
    let spool = try EpisodeSpool(directory: directory)
    try FileManager.default.removeItem(atPath: directory)
    let error = await #expect(throws: FileError.self) {
      try await spool.store([1], id: "e")
    }
    #expect(error?.description.contains("\(directory)/e.safetensors") == true)
    #expect(error?.description.contains("No such file or directory") == true)
  }
}
