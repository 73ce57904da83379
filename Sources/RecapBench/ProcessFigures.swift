import ArgumentParser
import Foundation

/// What the operating system says of a process.
enum ProcessFigures {
  /// Bytes of a process that are in memory.
  static func residentBytes(of process: String = "self") throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)
    guard let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
      throw ValidationError("/proc/\(process)/statm has no resident size")
    }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Processor time that a process has used, in seconds, its threads' together.
  static func processorSeconds(of process: String = "self") throws -> Double {
    let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    // The name, in brackets, may hold anything; the times are the 14th and 15th column.
    let columns = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
    guard columns.count > 13, let user = Double(columns[12]), let system = Double(columns[13])
    else { throw ValidationError("/proc/\(process)/stat has no processor times") }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// Processor time that the calling thread has used, in seconds.
  static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Bytes that programs may still take without the machine swapping.
  static func availableBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/meminfo", encoding: .utf8)
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { throw ValidationError("/proc/meminfo has no MemAvailable") }
    return kilobytes << 10
  }
}

/// Order statistics.
struct Quantiles {
  private let sorted: [Double]

  init(_ values: [Double]) { sorted = values.sorted() }

  var count: Int { sorted.count }

  /// The value that a share of all is at most; NaN where there is none.
  func callAsFunction(_ share: Double) -> Double {
    sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
  }
}

/// One result as a line of JSON with sorted keys.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys]
  Swift.print(String(decoding: try encoder.encode(value), as: UTF8.self))
  fflush(nil)
}
