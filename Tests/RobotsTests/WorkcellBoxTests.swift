import Episodes
import Testing

@testable import Robots

@Suite("Workcell box")
struct WorkcellBoxTests {
  private func scene(_ cell: Workcell) -> BoxScene? { cell.scene as? BoxScene }

  private func stages(_ cell: Workcell) -> [Bool] { cell.stages?.map(\.isDone) ?? [] }

  /// One episode of a person who makes this mistake and no other.
  private func mistaken(_ kind: MistakeSet, seed: UInt64) -> Workcell {
    attempt(
      BoxTask(), CoachFlaws(mistakeScale: 1), seed: seed,
      mistakes: [Mistake(kind: kind, probability: 1)])
  }

  @Test("four stages are scored, and a success has done all of them in order")
  func scored() {
    var seen: [[Bool]] = []
    let cell = attempt(BoxTask(), .flawless, seed: 3) { cell, _ in
      if seen.last != stages(cell) { seen.append(stages(cell)) }
    }
    #expect(cell.ending == .success)
    #expect(cell.stages?.map(\.name) == ["take a sheet", "build", "label", "place"])
    #expect(
      seen == (0..<4).map { done in (0..<4).map { $0 < done } },
      "each stage is done once, after the one before")
    #expect(stages(cell) == [true, true, true, true])
  }

  @Test(
    "every mistake ends where it should, with the stages before it done",
    arguments: [
      (MistakeSet.layBesideMat, "time limit", [false, false, false, false]),
      (.rightFlapFirst, "time limit", [true, false, false, false]),
      (.labelBeside, "label beside its place", [true, true, false, true]),
      (.missCrate, "box beside the crate", [true, true, true, false]),
    ])
  func mistakes(kind: MistakeSet, reason: String, done: [Bool]) {
    var count = 0
    for seed in 0..<20 as Range<UInt64> {
      let cell = mistaken(kind, seed: seed)
      if cell.ending == .failure(reason) && stages(cell) == done { count += 1 }
    }
    #expect(count >= 18, "\(count) of 20")
  }

  @Test("jammed flaps do not lock however long they are held, and come free with the right one")
  func jam() {
    var jammed = 0
    var freed = false
    let cell = attempt(
      BoxTask(), CoachFlaws(mistakeScale: 1), seed: 4,
      mistakes: [Mistake(kind: .rightFlapFirst, probability: 1)]
    ) { cell, action in
      guard let scene = scene(cell) else { return }
      if scene.isJammed { jammed += 1 }
      if jammed > 60 && !scene.isTucked {
        if scene.isJammed { action[7] = -1 }
        freed = freed || !scene.isJammed
      }
    }
    #expect(jammed > 60 && freed)
    #expect(cell.ending != .success, "the same person jams them again")
  }

  @Test("a flap that is let go springs back")
  func springsBack() {
    var wasHeld = false
    var sprang = false
    _ = attempt(BoxTask(), .flawless, seed: 1) { cell, action in
      guard let scene = scene(cell), scene.isLaid, !scene.isTucked else { return }
      wasHeld = wasHeld || scene.isInPlace(.leftFlap)
      if wasHeld && !sprang {
        action = [0, 0, 0, -1, 0, 0, 0, -1]
        sprang = scene.position(.leftFlap) == scene.place(.leftFlap, folded: false)
      }
    }
    #expect(wasHeld && sprang)
  }

  @Test("a label stuck beside its place can be taken off and stuck again")
  func labelAgain() {
    var wasBeside = false
    var mended = Coach(flaws: .flawless, mistakes: [], seed: 0)
    let cell = attempt(
      BoxTask(), CoachFlaws(mistakeScale: 1), seed: 2,
      mistakes: [Mistake(kind: .labelBeside, probability: 1)]
    ) { cell, action in
      wasBeside = wasBeside || scene(cell)?.labelPlace == .beside
      if wasBeside { action = mended.action(for: cell) }
    }
    #expect(wasBeside && cell.ending == .success)
  }

  @Test("a box let go in the air bursts")
  func bursts() {
    let cell = attempt(BoxTask(), .flawless, seed: 2) { cell, action in
      guard let scene = scene(cell), scene.isBuilt, scene.isHeld(.sheet) else { return }
      let isHigh = cell.arms.left.position.z > BoxScene.burstHeight + 0.04
      action[0...3] = [0, 0, 1, isHigh ? -1 : 1]
    }
    #expect(cell.ending == .failure("box burst"))
    #expect(cell.decidedAtStep == cell.stepCount - 1)
    #expect(cell.mistakeAtStep == cell.decidedAtStep)
  }

  @Test("a box that goes into the crate without a label fails there")
  func noLabel() {
    let cell = attempt(BoxTask(), .flawless, seed: 2) { cell, action in
      guard let scene = scene(cell), scene.isBuilt else { return }
      // The left hand brings the box to the crate at once.
      let grip = scene.position(.sheet)
      let isHeld = scene.isHeld(.sheet)
      let goal = isHeld ? scene.crate + grip - scene.center : grip
      let step = (goal - cell.arms.left.position) * 15
      let isThere = (scene.center - scene.crate).horizontalLength < 0.05
      let lift: Float = isThere ? step.z : isHeld ? 0.3 : step.z
      let closes = isHeld ? !(isThere && scene.center.z < 0.05) : step.length < 0.6
      action = [step.x, step.y, lift, closes ? 1 : -1, 0, 0, 0, -1]
    }
    #expect(cell.ending == .failure("no label"))
  }

  @Test("an idle episode has done nothing, and only time decided")
  func idle() throws {
    var cell = try Workcell(task: "box", seed: 0)
    while cell.ending == nil { cell.step([0, 0, 0, -1, 0, 0, 0, -1][...]) }
    #expect(cell.ending == .timeLimit)
    #expect(cell.decidedAtStep == nil && cell.mistakeAtStep == nil)
    #expect(stages(cell) == [false, false, false, false])
  }
}
