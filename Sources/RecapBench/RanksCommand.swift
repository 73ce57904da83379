import ArgumentParser
import Collectives
import Foundation
import MPICommunicator

/// How training scales over ranks.
struct RanksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ranks",
    abstract: "Times training by several ranks, which mpirun starts.",
    discussion: """
      In turns, a batch of a reference model is trained on by the first rank alone, by all ranks \
      with their gradients summed during the backward pass, and by all ranks with the sums after \
      it. How long the ranks wait for the sums tells how much of their time is hidden.

      With --check, all ranks train a policy and a value function for ten steps, each of which \
      must give the weights that one rank gets alone, to a relative 1e-5.

        mpirun -n 2 --bind-to none recap-bench ranks --model vla-tiny --batch 32
        mpirun -n 2 --bind-to none recap-bench ranks --check
      """)

  @Option(help: "Model: vla-tiny, vla-small, value-tiny or value-small.")
  var model = "vla-tiny"

  @Option(help: "Samples in a batch, which the ranks share.")
  var batch = 32

  @Option(help: "Threads of each rank.")
  var threads = 1

  @Option(help: "Steps of a turn.")
  var steps = 5

  @Option(help: "Turns of each of the three.")
  var rounds = 10

  @Flag(help: "Compare weights with those of one rank instead of timing.")
  var check = false

  @Flag(help: "One line of JSON.")
  var json = false

  func validate() throws {
    guard ReferenceModel.all.contains(where: { $0.name == model }) else {
      let known = ReferenceModel.all.map(\.name).joined(separator: ", ")
      throw ValidationError("there is no model '\(model)'; known: \(known)")
    }
    guard batch > 0, threads > 0, steps > 0, rounds > 0 else {
      throw ValidationError("batch, threads, steps and rounds must be above 0")
    }
  }

  func run() throws {
    let communicator = try startMPI()
    defer { communicator.finish() }
    guard batch >= communicator.count else {
      throw ValidationError("\(communicator.count) ranks cannot share a batch of \(batch)")
    }
    if check {
      try RankCheck(communicator, threads: threads).run()
    } else {
      try time(communicator)
    }
  }

  private func time(_ communicator: any Communicator) throws {
    guard let model = ReferenceModel.all.first(where: { $0.name == model }) else { return }
    func training(_ communicator: (any Communicator)?, overlaps: Bool = true) -> ReferenceTraining {
      ReferenceTraining(
        model, samples: batch, threads: threads, sliceSize: nil, communicator: communicator,
        overlapsSums: overlaps)
    }
    let trainings = [
      training(nil), training(communicator), training(communicator, overlaps: false),
    ]
    var seconds = [[Double]](repeating: [], count: 3)
    var waits = seconds
    // The first turn fills caches and pools.
    for round in 0...rounds {
      for (kind, training) in trainings.enumerated() {
        // All begin together.
        _ = communicator.sum([0])
        if kind == 0, !communicator.isFirst { continue }
        let (waited, start) = (training.workers.waited, ContinuousClock.now)
        for _ in 0..<steps { _ = training.step() }
        guard round > 0 else { continue }
        seconds[kind].append((ContinuousClock.now - start) / .seconds(1) / Double(steps))
        waits[kind].append((training.workers.waited - waited) / .seconds(1) / Double(steps))
      }
    }
    _ = communicator.sum([0])
    guard communicator.isFirst else { return }
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    let ratios = zip(seconds[0], seconds[1]).map { $0 / $1 }
    let figures = RankFigures(
      model: model.name, ranks: communicator.count, threads: threads, batch: batch,
      parameters: trainings[0].store.count, aloneRate: Double(batch) / median(seconds[0]),
      rate: Double(batch) / median(seconds[1]), lateRate: Double(batch) / median(seconds[2]),
      speedup: median(ratios), wait: median(waits[1]) * 1000, lateWait: median(waits[2]) * 1000)
    if json { try printJSON(figures) } else { print(figures) }
  }
}

/// What `recap-bench ranks` gives.
struct RankFigures: Encodable, CustomStringConvertible {
  var model: String
  var ranks: Int
  var threads: Int
  var batch: Int
  var parameters: Int
  /// Samples a second: one rank alone, all with sums during the backward pass, all with sums after it.
  var aloneRate: Double
  var rate: Double
  var lateRate: Double
  /// The median of the turns' ratios.
  var speedup: Double
  /// Milliseconds of a step in which the first rank waits for sums, during and after the backward pass.
  var wait: Double
  var lateWait: Double

  var description: String {
    let hidden = lateWait > 0 ? 100 * (1 - wait / lateWait) : 0
    return String(
      format: """
        %@, %d parameters, batch %d, %d ranks of %d threads (medians of turns)
          one rank alone                     %8.1f samples/s
          all, sums during the backward pass %8.1f samples/s, %.2f times as fast; waits %.2f ms a step
          all, sums after it                 %8.1f samples/s; waits %.2f ms a step
          %.0f %% of the wait is hidden
        """,
      model as NSString, parameters, batch, ranks, threads, aloneRate, rate, speedup, wait,
      lateRate, lateWait, hidden)
  }
}
