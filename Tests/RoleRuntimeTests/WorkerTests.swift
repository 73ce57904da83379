import Messaging
import RecapAlgorithm
import RoleRuntime
import Testing

@Suite struct WorkerTests {
  @Test func jobsAreDoneOneAfterAnotherUntilTheRunIsOver() async throws {
    let coordinator = FakeCoordinator(leases: ["a", "b"])
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    try await makeWorker(link).run(
      ClosureHandler { order, context in
        #expect(context.configuration == #"{"a":1}"#)
        return .episodes([])
      })
    #expect(
      await coordinator.story == [.joined, .finished(lease: "a"), .finished(lease: "b"), .left])
  }

  @Test func heartbeatsCarryTheLatestProgress() async throws {
    let coordinator = FakeCoordinator(leases: ["a"])
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    try await makeWorker(link).run(
      ClosureHandler { _, context in
        await context.report(JobProgress(done: 6, total: 10, unit: "steps"))
        await context.report(JobProgress(done: 7, total: 10, unit: "steps"))
        await coordinator.hears { $0.contains(.heartbeat(lease: "a", done: 7)) }
        return noEpisodes
      })
    #expect(await !coordinator.log.contains(.heartbeat(lease: "a", done: 6)))
    #expect(await coordinator.story == [.joined, .finished(lease: "a"), .left])
  }

  @Test func aFailureIsReportedWithItsReasonAndTheNextJobIsTaken() async throws {
    struct NoCup: Error, CustomStringConvertible { var description: String { "the cup is gone" } }
    let coordinator = FakeCoordinator(leases: ["a", "b"])
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    try await makeWorker(link).run(
      ClosureHandler { order, _ in
        if order.lease == "a" { throw NoCup() }
        return noEpisodes
      })
    #expect(
      await coordinator.story == [
        .joined, .failed(lease: "a", reason: "the cup is gone"), .finished(lease: "b"), .left,
      ])
  }

  @Test func aRobotsVitalsTellHowItsLinkDoes() async throws {
    let coordinator = FakeCoordinator(leases: ["a", "b", "c"])
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    try await makeWorker(link, vitals: RobotVitals(spooledEpisodes: 3)).run(
      ClosureHandler { order, _ in
        await coordinator.hears { $0.contains(.heartbeat(lease: order.lease, done: nil)) }
        while await coordinator.vitals?.roundTripSeconds == nil {
          try await Task.sleep(for: .milliseconds(2))
        }
        return noEpisodes
      })
    // That a job's end cuts its last heartbeat short says nothing of the link.
    let vitals = try #require(await coordinator.vitals)
    #expect(vitals.spooledEpisodes == 3 && vitals.unansweredHeartbeats == 0)
    #expect((0..<60).contains(vitals.roundTripSeconds ?? -1))
  }

  @Test func aLostLeaseCancelsItsJobAndOnlyThat() async throws {
    let coordinator = FakeCoordinator(leases: ["a", "b"])
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    try await makeWorker(link).run(
      ClosureHandler { order, _ in
        if order.lease == "a" {
          await coordinator.revokeLease()
          // Ends by cancellation, or the test never does.
          try await Task.sleep(for: .seconds(3_600))
        }
        return noEpisodes
      })
    #expect(await coordinator.story == [.joined, .finished(lease: "b"), .left])
  }

  @Test func aJobOutlivesItsCoordinator() async throws {
    let coordinator = FakeCoordinator(leases: ["a", "b"])
    let link = TestLink(coordinator.makeRouter())
    let firstServer = link.serve()
    let (atWork, announce) = AsyncStream.makeStream(of: Void.self)
    let (mayEnd, release) = AsyncStream.makeStream(of: Void.self)
    let worker = Task {
      try await makeWorker(link).run(
        ClosureHandler { order, _ in
          if order.lease == "a" {
            announce.finish()
            for await _ in mayEnd {}
          }
          return noEpisodes
        })
    }
    for await _ in atWork {}
    firstServer.cancel()
    _ = await firstServer.result
    // The job ends while nobody listens, and its result is told to a coordinator that does not know
    // us.
    release.finish()
    await coordinator.forgetWorker()
    let secondServer = link.serve()
    defer { secondServer.cancel() }
    try await worker.value
    #expect(
      await coordinator.story == [
        .joined, .joined, .finished(lease: "a"), .finished(lease: "b"), .left,
      ])
  }

  @Test func aWorkerThatIsNotKnownJoinsAgainAndGoesOn() async throws {
    let coordinator = FakeCoordinator(leases: ["a"])
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    try await makeWorker(link).run(
      ClosureHandler { _, _ in
        await coordinator.forgetWorker()
        await coordinator.hears { $0.count { $0 == .joined } == 2 }
        // The heartbeat after that says that the lease still holds: the job is not cancelled.
        let before = await coordinator.log.count
        await coordinator.hears { $0.dropFirst(before).contains(.heartbeat(lease: "a", done: nil)) }
        try Task.checkCancellation()
        return noEpisodes
      })
    #expect(await coordinator.story == [.joined, .joined, .finished(lease: "a"), .left])
  }

  @Test func aPausedWorkerGivesItsJobBackAndAsksForTheNext() async throws {
    let coordinator = FakeCoordinator(leases: ["a", "b"])
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    try await makeWorker(link).run(
      ClosureHandler { order, context in
        guard order.lease == "a" else {
          // A job that is given out says that the pause is over.
          #expect(await !context.isPaused)
          return noEpisodes
        }
        await coordinator.pause()
        while await !context.isPaused { await Task.yield() }
        throw JobReturned()
      })
    #expect(
      await coordinator.story
        == [.joined, .returned(lease: "a"), .finished(lease: "b"), .left])
  }

  @Test func aWorkerThatIsExpelledDropsItsJobAndEnds() async throws {
    let coordinator = FakeCoordinator(leases: ["a"])
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    let failure = await #expect(throws: RequestError.self) {
      try await makeWorker(link).run(
        ClosureHandler { _, _ in
          await coordinator.expel()
          try await Task.sleep(for: .seconds(3_600))
          return noEpisodes
        })
    }
    #expect(failure?.description.contains("this run needs no such robot") == true)
    #expect(await coordinator.story == [.joined])
  }

  @Test func aJoinThatIsNotAnsweredIsRepeated() async throws {
    let coordinator = FakeCoordinator(leases: ["a"])
    await coordinator.keepSilentOnce(about: .join)
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    try await makeWorker(link, timeout: impatience).run(ClosureHandler { _, _ in noEpisodes })
    #expect(await coordinator.log.count { $0 == .joined } >= 2)
    #expect(await coordinator.log.contains(.finished(lease: "a")))
  }

  @Test func cancellationStopsTheHandlerAndSaysGoodbye() async throws {
    let coordinator = FakeCoordinator(leases: ["a", "b"])
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    let (atWork, announce) = AsyncStream.makeStream(of: Void.self)
    let worker = Task {
      try await makeWorker(link).run(
        ClosureHandler { _, _ in
          announce.finish()
          try await Task.sleep(for: .seconds(3_600))
          return noEpisodes
        })
    }
    for await _ in atWork {}
    worker.cancel()
    try await worker.value
    #expect(await coordinator.story == [.joined, .left])
  }

  @Test func cancellationEndsEvenWithoutACoordinator() async throws {
    let link = TestLink(RequestRouter())
    let worker = Task {
      try await makeWorker(link, timeout: impatience).run(ClosureHandler { _, _ in noEpisodes })
    }
    worker.cancel()
    try await worker.value
  }

  @Test func aResultAtHandIsStillReportedOnCancellation() async throws {
    let coordinator = FakeCoordinator(leases: ["a"])
    await coordinator.keepSilentOnce(about: .result)
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    let worker = Task { try await makeWorker(link).run(ClosureHandler { _, _ in noEpisodes }) }
    await coordinator.hears { $0.contains(.finished(lease: "a")) }
    worker.cancel()
    try await worker.value
    #expect(
      await coordinator.story == [.joined, .finished(lease: "a"), .finished(lease: "a"), .left])
  }

  @Test func aRefusedWorkerSaysWhy() async throws {
    let coordinator = FakeCoordinator(leases: [])
    await coordinator.refuseJoins()
    let link = TestLink(coordinator.makeRouter())
    let server = link.serve()
    defer { server.cancel() }
    let refusal = RequestError.refused(
      type: "control.join", reason: "this run needs no such robot")
    await #expect(throws: refusal) {
      try await makeWorker(link).run(ClosureHandler { _, _ in noEpisodes })
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func noJobIsForgottenOnABadConnection(seed: UInt64) async throws {
    let leases = (0..<6).map { "lease \($0)" }
    let coordinator = FakeCoordinator(leases: leases)
    let faults = FaultPlan(
      seed: seed, loss: 0.15, duplication: 0.2, longestDelay: .milliseconds(200))
    let link = TestLink(coordinator.makeRouter(), faults: faults)
    let server = link.serve()
    defer { server.cancel() }
    let worker = makeWorker(link, timeout: impatience)
    try await worker.run(ClosureHandler { _, _ in noEpisodes })
    // Each at least once; some twice, since an acknowledgement may be lost.
    for lease in leases { #expect(await coordinator.log.contains(.finished(lease: lease))) }
  }
}
