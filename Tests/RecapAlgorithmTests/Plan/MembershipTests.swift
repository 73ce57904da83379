import Foundation
import Testing

@testable import RecapAlgorithm

/// Who may take part in a plan, and who holds back.
struct MembershipTests {
  @Test("a paused worker's job that it gives back goes to another, as no failure of anybody")
  func handBack() throws {
    let run = PlanUnderTest()
    run.join("left")
    let order = try #require(run.ask("left"))
    run.handle(.workerPaused(worker: "left", by: "anna"))
    for worker in ["right", "left"] {
      // Only its holder can give it back.
      let commands = run.handle(.jobReturned(worker: worker, lease: order.lease))
      #expect(commands.contains(.revoke(lease: order.lease)) == (worker == "left"))
    }
    #expect(run.ask("left") == nil)
    run.join("right")
    #expect(run.ask("right")?.job == order.job)
    // However often that happens, the run goes on.
    for _ in 0..<200 {
      run.handle(.workerResumed(worker: "left", by: "anna"))
      guard let next = run.ask("left") else { break }
      run.handle(.workerPaused(worker: "left", by: "anna"))
      run.handle(.jobReturned(worker: "left", lease: next.lease))
    }
    #expect(run.plan.failure == nil)
  }

  @Test("a removed worker has no job, its key counts no more, and an invitation lets it back in")
  func removal() throws {
    let keys = try ["a", "b"].map {
      try #require(PublicKey(rawValue: String(repeating: $0, count: 40)))
    }
    func invitation(_ key: PublicKey) -> Invitation {
      Invitation(worker: "left", role: .collector, key: key)
    }
    let run = PlanUnderTest()
    run.handle(.workerInvited(invitation(keys[0]), by: "anna"))
    #expect(run.plan.invitations["left"]?.key == keys[0])
    run.join("left")
    let order = try #require(run.ask("left"))
    run.join("right")
    let commands = run.handle(.workerRemoved(worker: "left", by: "anna"))
    #expect(commands.contains(.revoke(lease: order.lease)))
    #expect(run.plan.invitations.isEmpty && run.plan.removed == ["left"])
    run.handle(.coordinatorRestarted)
    run.join("left", incarnation: "2")
    #expect(run.ask("left", incarnation: "2") == nil)
    #expect(run.ask("right")?.job == order.job)
    run.handle(.workerInvited(invitation(keys[1]), by: "anna"))
    run.join("left", incarnation: "3")
    #expect(run.plan.removed.isEmpty && run.plan.invitations["left"]?.key == keys[1])
    let stored = try JSONEncoder().encode(PlanEvent.workerInvited(invitation(keys[1]), by: "anna"))
    #expect(
      try JSONDecoder().decode(PlanEvent.self, from: stored)
        == .workerInvited(invitation(keys[1]), by: "anna"))
  }
}
