import Tensors
import Testing

@testable import Robots

@Suite("Workcell tasks")
struct WorkcellTaskTests {
  @Test("the flawless coach solves every task, in 22 to 48 % of the time limit")
  func solvable() {
    for task in WorkcellTasks.all {
      let tally = tally(task, .flawless, count: 100)
      let share = tally.successLength / Double(task.description.maximumSteps)
      print("\(task.description.name): flawless \(tally)")
      #expect(tally.successShare >= 0.97, "\(task.description.name): \(tally.failures)")
      #expect((0.22...0.48).contains(share), "\(task.description.name): \(share)")
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
      var subtasks: Set<Int> = []
      // Several episodes, since not every garment needs all the work that its task knows.
      for seed in 4..<20 as Range<UInt64> {
        var milestones: [Int] = []
        let cell = attempt(task, .flawless, seed: seed) { cell, _ in
          milestones.append(cell.scene.milestones)
          subtasks.insert(cell.subtask)
        }
        #expect(cell.ending == .success && cell.decidedAtStep == nil)
        #expect(milestones == milestones.sorted(), "\(task.description.name), seed \(seed)")
      }
      #expect(subtasks == Set(task.description.subtasks.indices))
    }
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
        GarmentTask.tshirtCollarUp,
        { scene in
          guard var garment = scene as? GarmentScene else { return scene }
          garment.clothLimit = 0.1
          return garment
        }
      ),
      (
        GarmentTask.laundry,
        { scene in
          guard var garment = scene as? GarmentScene else { return scene }
          garment.clothLimit = 0.1
          return garment
        }
      ),
      (
        BoxTask(),
        { scene in
          guard var box = scene as? BoxScene else { return scene }
          box.flutterSpeed = 0.1
          return box
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
