import Tensors
import Testing

@testable import Robots

@Suite("Workcell garments")
struct WorkcellGarmentTests {
  @Test("folding by the hem leaves the collar down: a failure only where the collar is judged")
  func collarDown() {
    let judged = GarmentTask.tshirtCollarUp
    #expect(failureReasons(of: judged, mistake: .foldWrongWay) == ["collar down": 20])
    let free = GarmentTask.tshirt
    #expect(failureReasons(of: free, mistake: .foldWrongWay).isEmpty)
  }

  @Test("the wrong way to fold costs no more than the right one")
  func temptation() {
    func length(_ mistakes: [Mistake]) -> Double {
      var tally = CoachTrials()
      for seed in 0..<40 as Range<UInt64> {
        tally.add(
          attempt(
            GarmentTask.tshirt, CoachFlaws(mistakeScale: 1), seed: seed,
            mistakes: mistakes))
      }
      return tally.meanLength
    }
    let right = length([])
    let wrong = length([Mistake(kind: .foldWrongWay, probability: 1)])
    #expect(abs(wrong - right) < 0.1 * right, "right \(right), wrong \(wrong)")
  }

  @Test("cloth let go on the way sinks back to where it lay")
  func clothFallsBack() {
    var wasHeld = false
    var sank = false
    _ = attempt(GarmentTask.tshirtCollarUp, .flawless, seed: 1) { cell, action in
      guard let scene = cell.scene as? GarmentScene, scene.half == .none else { return }
      let lifted = scene.position(.top) - scene.place(.top, folded: false)
      if lifted.length > 0.12 { wasHeld = true }
      if wasHeld { action = [0, 0, 0, -1, 0, 0, 0, -1] }
      if wasHeld && cell.arms.right.holding == nil && lifted == .zero { sank = true }
    }
    #expect(wasHeld && sank)
  }

  @Test("a folded shirt let go too high comes open again")
  func unfolds() {
    var raised = false
    var opened = false
    _ = attempt(GarmentTask.tshirt, .flawless, seed: 1) { cell, action in
      guard let scene = cell.scene as? GarmentScene else { return }
      if scene.foldedOver && cell.arms.right.holding != nil && !opened {
        let isHigh = cell.arms.right.position.z > GarmentScene.unfoldHeight + 0.03
        action[4...7] = [0, 0, 1, isHigh ? -1 : 1]
        raised = raised || isHigh
      }
      if raised && !scene.foldedOver { opened = true }
    }
    #expect(raised && opened)
  }

  @Test("cloth slips out of a gripper only above a safe speed")
  func slips() {
    var random = RandomSource(seed: 0)
    let scene = GarmentScene(.tshirt, &random)
    #expect(scene.slipProbability(0, speed: 0.9) == 0)
    #expect(scene.slipProbability(0, speed: 1) > 0)
  }

  @Test("the wrong fold decides when it is made, though the verdict waits for the stack")
  func decidedByTheFold() throws {
    for seed in 0..<10 as Range<UInt64> {
      var folded: Int?
      var taken: Int?
      let cell = attempt(
        GarmentTask.tshirtCollarUp, CoachFlaws(mistakeScale: 1), seed: seed,
        mistakes: [Mistake(kind: .foldWrongWay, probability: 1)]
      ) { cell, _ in
        let half = (cell.scene as? GarmentScene)?.half ?? .none
        if half == .none && cell.arms.left.holding == GarmentScene.Part.hem.rawValue {
          taken = taken ?? cell.stepCount - 1
        } else if half == .none {
          // It slipped out of the hand.
          taken = nil
        }
        if folded == nil && half == .hemOver { folded = cell.stepCount - 1 }
      }
      #expect(cell.decidedAtStep == folded)
      #expect(cell.mistakeAtStep == taken)
      #expect(try #require(taken) < folded ?? 0)
      #expect(try #require(cell.decidedAtStep) < cell.stepCount - 20)
    }
  }

  // MARK: Laundry

  /// A task in which only this garment is laid out.
  private func laundry(of garment: Garment) -> GarmentTask {
    var task = GarmentTask.laundry
    task.wardrobe = [garment]
    return task
  }

  @Test("every garment can be folded without fault, and each in its own time")
  func everyGarment() {
    var lengths: [String: Double] = [:]
    for garment in Wardrobe.all {
      let trials = CoachTrials(of: laundry(of: garment), .flawless, episodes: 20)
      #expect(trials.successShare == 1, "\(garment.name): \(trials.failures)")
      lengths[garment.name] = trials.successLength
    }
    print("laundry: \(lengths.sorted { $0.value < $1.value })")
    #expect(lengths.max { $0.value < $1.value }?.key == Wardrobe.buttonUpShirt.name)
    #expect(lengths.min { $0.value < $1.value }?.key == Wardrobe.socks.name)
  }

  @Test("all kinds are dealt out about equally, and each looks and reads like no other")
  func kinds() {
    var counts: [String: Int] = [:]
    var states: [String: [Float]] = [:]
    for seed in 0..<1100 as Range<UInt64> {
      var random = RandomSource(seed: seed)
      let scene = GarmentScene(.laundry, &random)
      counts[scene.garment.name, default: 0] += 1
      states[scene.garment.name] = scene.visibleStates
    }
    #expect(counts.count == 11)
    #expect(counts.values.allSatisfy { (60...150).contains($0) }, "\(counts)")
    #expect(Set(states.values).count == 11)
    #expect(states.values.allSatisfy { $0.count <= Workcell.visibleStateCount })
  }

  @Test(
    "every mistake with laundry fails in its own way, on the garments that it concerns",
    arguments: [
      (MistakeSet.foldWrongWay, Wardrobe.tShirt, "inside out"),
      (.foldWrongWay, Wardrobe.towel, "inside out"),
      (.leaveCreases, Wardrobe.polo, "creased"),
      (.leaveCreases, Wardrobe.buttonUpShirt, "creased"),
      (.leaveSleeveOut, Wardrobe.longSleevedShirt, "sleeve left out"),
      (.leaveSleeveOut, Wardrobe.tShirt, "sleeve left out"),
      (.missStack, Wardrobe.shorts, "slid off the stack"),
      (.missStack, Wardrobe.skirt, "slid off the stack"),
    ])
  func mistakes(kind: MistakeSet, garment: Garment, reason: String) {
    let reasons = failureReasons(of: laundry(of: garment), mistake: kind)
    #expect(reasons[reason, default: 0] >= 18, "\(garment.name): \(reasons)")
    #expect(reasons.keys.allSatisfy { $0 == reason }, "\(garment.name): \(reasons)")
  }

  @Test("wool carried in haste often stretches, other cloth never does")
  func stretches() {
    let wool = failureReasons(of: laundry(of: Wardrobe.sweater), mistake: .haste, count: 40)
    #expect((8...40).contains(wool["stretched", default: 0]), "\(wool)")
    let cotton = failureReasons(of: laundry(of: Wardrobe.polo), mistake: .haste, count: 40)
    #expect(cotton["stretched"] == nil)
  }

  @Test("silk slips at a speed that cotton does not mind")
  func silk() {
    var random = RandomSource(seed: 0)
    let skirt = GarmentScene(laundry(of: Wardrobe.skirt), &random)
    let towel = GarmentScene(laundry(of: Wardrobe.towel), &random)
    #expect(skirt.slipProbability(0, speed: 0.8) > 0)
    #expect(towel.slipProbability(0, speed: 0.8) == 0)
  }

  @Test("a folded garment let go too high can be folded again, whatever its last fold was")
  func everyGarmentUnfolds() {
    for garment in Wardrobe.all {
      var opened = false
      let hand = garment.stackHand
      let cell = attempt(laundry(of: garment), .flawless, seed: 1) { cell, action in
        guard let scene = cell.scene as? GarmentScene, !opened else { return }
        if cell.arms[hand].holding == GarmentScene.Part.block.rawValue {
          let isHigh = cell.arms[hand].position.z > GarmentScene.unfoldHeight + 0.03
          let first = hand.rawValue * 4
          action[first...first + 3] = [0, 0, 1, isHigh ? -1 : 1]
        } else if scene.position(.block).z > 0 {
          opened = true
        }
      }
      #expect(opened && cell.ending == .success, "\(garment.name)")
    }
  }

  @Test("people fold T-shirts and shorts nearly always, and slowly; both kinds appear")
  func tshirtsAndShorts() {
    var names: Set<String> = []
    for seed in 0..<20 as Range<UInt64> {
      var random = RandomSource(seed: seed)
      names.insert(GarmentScene(.tshirtsAndShorts, &random).garment.name)
    }
    #expect(names == ["T-shirt", "shorts"])
  }
}
