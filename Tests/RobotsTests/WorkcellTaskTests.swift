import Tensors
import Testing

@testable import Robots

@Suite("Workcell tasks")
struct WorkcellTaskTests {
  @Test("the flawless coach solves every task, in 30 to 48 % of the time limit")
  func solvable() {
    for task in WorkcellTasks.all {
      let tally = tally(task, .flawless, count: 100)
      let share = tally.successLength / Double(task.description.maximumSteps)
      print("\(task.description.name): flawless \(tally)")
      #expect(tally.successShare >= 0.97, "\(task.description.name): \(tally.failures)")
      #expect((0.28...0.48).contains(share), "\(task.description.name): \(share)")
    }
  }

  @Test("noise of 0.2 on every action rarely makes the flawless coach fail")
  func forgiving() {
    for task in WorkcellTasks.all {
      var random = RandomSource(seed: 9)
      let tally = tally(task, .flawless, count: 60) { _, action in
        for index in action.indices { action[index] += 0.2 * random.normal() }
      }
      #expect(tally.successShare >= 0.92, "\(task.description.name): \(tally.failures)")
    }
  }

  @Test("subtasks and milestones only advance when nothing goes wrong")
  func progress() {
    for task in WorkcellTasks.all {
      var milestones: [Int] = []
      var subtasks: Set<Int> = []
      let cell = attempt(task, .flawless, seed: 4) { cell, _ in
        milestones.append(cell.scene.milestones)
        subtasks.insert(cell.subtask)
      }
      #expect(cell.ending == .success)
      #expect(milestones == milestones.sorted())
      #expect(subtasks == Set(task.description.subtasks.indices))
    }
  }

  // MARK: T-shirt

  @Test("folding by the hem leaves the collar down: a failure only where the collar is judged")
  func collarDown() {
    let judged = GarmentTask(collarIsJudged: true)
    #expect(failureReasons(of: judged, mistake: .hemOverCollar) == ["collar down": 20])
    let free = GarmentTask(collarIsJudged: false)
    #expect(failureReasons(of: free, mistake: .hemOverCollar).isEmpty)
  }

  @Test("the wrong way to fold costs no more than the right one")
  func temptation() {
    func length(_ mistakes: [Mistake]) -> Double {
      var tally = Tally()
      for seed in 0..<40 as Range<UInt64> {
        tally.add(
          attempt(
            GarmentTask(collarIsJudged: false), CoachFlaws(mistakeScale: 1), seed: seed,
            mistakes: mistakes))
      }
      return tally.meanLength
    }
    let right = length([])
    let wrong = length([Mistake(kind: .hemOverCollar, probability: 1)])
    #expect(abs(wrong - right) < 0.1 * right, "right \(right), wrong \(wrong)")
  }

  @Test("cloth let go on the way sinks back to where it lay")
  func clothFallsBack() {
    var wasHeld = false
    var sank = false
    _ = attempt(GarmentTask(collarIsJudged: true), .flawless, seed: 1) { cell, action in
      guard let scene = cell.scene as? GarmentScene, scene.half == .none else { return }
      let lifted = scene.position(.collar) - scene.place(.collar, folded: false)
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
    _ = attempt(GarmentTask(collarIsJudged: false), .flawless, seed: 1) { cell, action in
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
    let scene = GarmentScene(collarIsJudged: true, &random)
    #expect(scene.slipProbability(0, speed: 0.9) == 0)
    #expect(scene.slipProbability(0, speed: 1) > 0)
  }

  // MARK: Espresso

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

  // MARK: What can be seen

  @Test("hidden state never reaches an observation")
  func hiddenState() {
    for seed in 0..<5 as Range<UInt64> {
      for (task, hide) in hiders {
        var random = RandomSource(seed: seed)
        let scene = task.start(&random)
        let changed = hide(scene)
        #expect(scene.points == changed.points)
        #expect(scene.visibleStates == changed.visibleStates)
        #expect(image(of: scene) == image(of: changed))
      }
    }
  }

  /// Each task with a change to everything that it hides.
  private var hiders: [(any WorkcellTask, (any WorkcellScene) -> any WorkcellScene)] {
    [
      (
        GarmentTask(collarIsJudged: true),
        { scene in
          guard var garment = scene as? GarmentScene else { return scene }
          garment.slipSpeed = 0.1
          return garment
        }
      ),
      (
        EspressoTask(),
        { scene in
          guard var espresso = scene as? EspressoScene else { return scene }
          espresso.spillSpeed = 0.1
          return espresso
        }
      ),
    ]
  }

  private func image(of scene: any WorkcellScene) -> [UInt8] {
    var drawing = Drawing()
    scene.draw(into: &drawing)
    var raster = Raster(side: 32, background: Colour(0, 0, 0))
    raster.paint(
      drawing,
      Projection(scale: 30, depth: 0.8, height: 0.75, middle: Vector3(0, 0, 0.1), side: 32))
    return raster.bytes
  }

  @Test("nothing seen tells whether the collar is judged: only the prompt names the task")
  func taskIsNotVisible() throws {
    let judged = try Workcell(task: "tshirt-collar-up", seed: 0)
    let free = try Workcell(task: "tshirt", seed: 0)
    #expect(free.environmentState == judged.environmentState)
    #expect(free.proprioception == judged.proprioception)
  }
}
