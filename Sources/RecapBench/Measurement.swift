import Foundation
import Networks
import Tensors

/// How long something takes.
struct Timing {
  /// Median seconds of one run.
  let median: Double

  /// Runs `body` until `seconds` have passed, at least three times, after two runs that do not
  /// count.
  init(seconds: Double, _ body: () -> Void) {
    for _ in 0..<2 { body() }
    let clock = ContinuousClock()
    let start = clock.now
    var times: [Double] = []
    repeat {
      let duration = clock.measure(body)
      times.append(duration / .seconds(1))
    } while times.count < 3 || clock.now - start < .seconds(seconds)
    median = times.sorted()[times.count / 2]
  }
}

/// The rate of large matrix products, the yardstick of a machine at this moment.
final class ProductPeak {
  private static let size = 2048
  private let store = ParameterStore(seed: 0)
  private let weight: Parameter
  private let workers: DataParallel
  private let input: [Float]

  init(threads: Int) {
    weight = store.add("weight", [Self.size, Self.size], .normal(1))
    workers = DataParallel(store, threads: threads)
    input = (0..<Self.size * Self.size).map { Float($0 % 97) * 0.01 - 0.5 }
  }

  /// The best of several products 2048 x 2048 x 2048 whose rows the threads share out, in GFLOP/s.
  func measure(repetitions: Int = 4) -> Double {
    let clock = ContinuousClock()
    let (weight, input, size) = (weight, input, Self.size)
    let times = (0..<repetitions).map { _ in
      workers.run(samples: size, sliceSize: (size + workers.threads - 1) / workers.threads) {
        tape, rows in
        tape.reset(recording: false)
        let x = tape.constant([rows.count, size], input.samples(rows, width: size))
        return clock.measure { _ = tape.linear(x, weight: weight) } / .seconds(1)
      }.max()!
    }
    return 2 * pow(Double(size), 3) / times.min()! / 1e9
  }
}

/// One result, as a line of JSON or text.
struct MeasurementLine: Encodable {
  var name: String
  var milliseconds: Double
  var samplesPerSecond: Double
  var gflops: Double
  var peakGflops: Double
  var shareOfPeak: Double
  var kernels: String

  private enum CodingKeys: String, CodingKey {
    case name, milliseconds, gflops, kernels
    case samplesPerSecond = "samples_per_second"
    case peakGflops = "sgemm_peak_gflops"
    case shareOfPeak = "share_of_peak"
  }

  init(name: String, seconds: Double, samples: Int, operations: Double, peak: Double) {
    func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
    self.name = name
    milliseconds = rounded(seconds * 1000)
    samplesPerSecond = rounded(Double(samples) / seconds)
    gflops = rounded(operations / seconds / 1e9)
    peakGflops = rounded(peak)
    shareOfPeak = rounded(operations / seconds / 1e9 / peak)
    kernels = MatrixKernels.name
  }

  func print(asJSON: Bool) throws {
    if asJSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      Swift.print(String(decoding: try encoder.encode(self), as: UTF8.self))
    } else {
      Swift.print(
        "\(name): \(milliseconds) ms, \(samplesPerSecond) samples/s, \(gflops) GFLOP/s, "
          + "\(shareOfPeak) of \(peakGflops) (\(kernels))")
    }
    fflush(nil)
  }
}
