import Testing

@testable import Robots

@Suite("Workcell espresso")
struct WorkcellEspressoTests {
  @Test(
    "every mistake of an espresso fails in its own way",
    arguments: [
      (MistakeSet.leaveGrinderEarly, "too little coffee"), (.tampLightly, "weak shot"),
      (.misplaceCup, "cup misplaced"), (.takeCupEarly, "cup taken early"),
      (.missSaucer, "cup beside the saucer"),
    ])
  func mistakes(kind: MistakeSet, reason: String) {
    let reasons = failureReasons(of: EspressoTask(), mistake: kind)
    #expect(reasons[reason, default: 0] >= 17, "\(reasons)")
    #expect(reasons.keys.allSatisfy { $0 == reason }, "\(reasons)")
  }

  @Test("carrying full things in haste sometimes spills, carrying them with care never does")
  func spills() {
    let reasons = failureReasons(of: EspressoTask(), mistake: .haste, count: 100)
    #expect((5...60).contains(reasons["coffee spilled", default: 0]), "\(reasons)")
    #expect(tally(EspressoTask(), .flawless, count: 60).failures["coffee spilled"] == nil)
  }

  @Test("letting go of a filled portafilter in the air loses it")
  func portafilterDropped() {
    let cell = attempt(EspressoTask(), .flawless, seed: 2) { cell, action in
      guard let scene = cell.scene as? EspressoScene else { return }
      if scene.isFilled { action[7] = -1 }
    }
    #expect(cell.ending == .failure("portafilter dropped"))
  }

  @Test("letting go of the cup in the air breaks it")
  func cupDropped() {
    let cell = attempt(EspressoTask(), .flawless, seed: 2) { cell, action in
      guard let scene = cell.scene as? EspressoScene, scene.cupHeld else { return }
      action = [0, 0, 1, scene.cup.z > EspressoScene.softHeight + 0.05 ? -1 : 1, 0, 0, 0, -1]
    }
    #expect(cell.ending == .failure("cup dropped"))
  }

  @Test("pressing the button before the portafilter is in fails")
  func startedTooSoon() {
    let cell = attempt(EspressoTask(), .flawless, seed: 2) { cell, action in
      guard let scene = cell.scene as? EspressoScene else { return }
      let step = (scene.button - cell.arms.left.position) * 15
      action[0...3] = [step.x, step.y, step.z, -1]
    }
    #expect(cell.ending == .failure("started without portafilter"))
  }

  @Test(
    "what was missed at a station decides when it is left, though it shows at the next one",
    arguments: [
      (MistakeSet.leaveGrinderEarly, "too little coffee"), (.tampLightly, "weak shot"),
    ])
  func decidedEarly(kind: MistakeSet, reason: String) throws {
    for seed in 0..<10 as Range<UInt64> {
      var left: Int?
      let cell = attempt(
        EspressoTask(), CoachFlaws(mistakeScale: 1), seed: seed,
        mistakes: [Mistake(kind: kind, probability: 1)]
      ) { cell, _ in
        guard left == nil, let scene = cell.scene as? EspressoScene else { return }
        let isLeft = kind == .tampLightly ? scene.isTamped : scene.isFilled
        if isLeft { left = cell.stepCount - 1 }
      }
      #expect(cell.ending == .failure(reason))
      #expect(cell.decidedAtStep == left)
      #expect(try #require(cell.decidedAtStep) < cell.stepCount - 1)
    }
  }
}
