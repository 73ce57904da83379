import Episodes
import Tensors
import Testing

@testable import Robots

@Suite("Workcell simulation")
struct WorkcellTests {
  @Test("equal seeds and actions give equal episodes, other seeds others")
  func determinism() throws {
    for task in WorkcellTasks.names {
      var a = try Workcell(task: task, seed: 7)
      var b = try Workcell(task: task, seed: 7)
      var c = try Workcell(task: task, seed: 8)
      var random = RandomSource(seed: 1)
      for _ in 0..<60 {
        let action = (0..<Workcell.actionWidth).map { _ in random.uniform(in: -1..<1) }
        a.step(action[...])
        b.step(action[...])
        c.step(action[...])
        #expect(a.proprioception == b.proprioception)
        #expect(a.environmentState == b.environmentState)
      }
      #expect(a.proprioception != c.proprioception)
    }
  }

  @Test("an episode without progress ends at the time limit as a failure")
  func timeLimit() throws {
    for task in WorkcellTasks.descriptions {
      var cell = try Workcell(task: task.name, seed: 3)
      let idle = [Float](repeating: 0, count: Workcell.actionWidth)
      for _ in 0..<task.maximumSteps {
        #expect(cell.ending == nil)
        cell.step(idle[...])
      }
      #expect(cell.ending == .timeLimit)
      #expect(cell.ending?.outcome == .failure)
      #expect(cell.stepCount == task.maximumSteps)
      cell.step(idle[...])
      #expect(cell.stepCount == task.maximumSteps, "an episode that is over does not go on")
    }
  }

  @Test("an arm keeps to its speed and its space whatever it is told")
  func limits() throws {
    var cell = try Workcell(task: "espresso", seed: 5)
    let action: [Float] = [9, 9, 9, 0, -9, -9, -9, 0]
    for _ in 0..<60 {
      let before = cell.arms
      cell.step(action[...])
      for side in Side.allCases {
        let position = cell.arms[side].position
        #expect(abs(position.x) <= 0.5 && abs(position.y) <= 0.35)
        #expect(position.z >= 0 && position.z <= 0.35)
        #expect(cell.arms[side].velocity.length <= 1.0001)
        #expect(abs(cell.arms[side].aperture - before[side].aperture) <= 0.3401)
      }
    }
  }

  @Test("a gripper that closes on nothing opens by itself and can try again")
  func emptyGripper() throws {
    var cell = try Workcell(task: "espresso", seed: 2)
    var apertures: [Float] = []
    for _ in 0..<12 {
      cell.step([0, 0, 0, 1, 0, 0, 0, 1][...])
      apertures.append(cell.arms.left.aperture)
    }
    #expect(apertures.contains { $0 < Workcell.emptyAperture })
    #expect(apertures.dropFirst(4).contains { $0 > Workcell.openAperture })
    #expect(cell.arms.left.holding == nil)
  }

  @Test("observations have their fixed widths and finite values over all tasks")
  func widths() throws {
    for task in WorkcellTasks.names {
      let cell = try Workcell(task: task, seed: 0)
      #expect(cell.proprioception.count == Workcell.proprioceptionWidth)
      #expect(cell.environmentState.count == Workcell.environmentStateWidth)
      #expect(cell.environmentState.allSatisfy { $0.isFinite && abs($0) <= 1.5 })
    }
  }

  @Test("an unknown task is refused with the names that are valid")
  func unknownTask() {
    let error = #expect(throws: WorkcellError.self) { try Workcell(task: "sushi", seed: 0) }
    let text = error?.description ?? ""
    #expect(text.contains("'sushi'"))
    for name in WorkcellTasks.names { #expect(text.contains(name)) }
  }

  @Test("control steps a second, printed and loosely bounded for a debug build")
  func speed() throws {
    var steps = 0
    var sum: Float = 0
    let clock = ContinuousClock()
    let action: [Float] = [0.3, 0.1, -0.2, 1, -0.3, 0.2, -0.2, 1]
    let duration = try clock.measure {
      for seed in 0..<10 as Range<UInt64> {
        var cell = try Workcell(task: "espresso", seed: seed)
        while cell.ending == nil {
          cell.step(action[...])
          steps += 1
          sum += cell.proprioception[0] + cell.environmentState[0]
        }
      }
    }
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    print("workcell: \(Int(Double(steps) / seconds)) control steps/s with observations")
    #expect(sum.isFinite)
    #expect(Double(steps) / seconds > 500)
  }
}
