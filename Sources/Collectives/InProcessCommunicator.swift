import Executors
import Foundation

/// Ranks that are threads of one process. Sums are taken in the order of ranks, so they are the same each time.
public final class InProcessCommunicator: Communicator {
  public let rank: Int
  public let count: Int
  private let group: Monitored<Group>

  private init(rank: Int, count: Int, group: Monitored<Group>) {
    self.rank = rank
    self.count = count
    self.group = group
  }

  /// A group of `count` ranks, each to be used by a thread of its own: calls wait for the others'.
  public static func group(of count: Int) -> [InProcessCommunicator] {
    precondition(count > 0, "expected ranks, got \(count)")
    let group = Monitored(Group(ranks: count))
    return (0..<count).map { InProcessCommunicator(rank: $0, count: count, group: group) }
  }

  public func beginSum(_ numbers: UnsafeMutableBufferPointer<Float>) {
    group.change { $0.join(rank, .floats(numbers)) }
  }

  public func waitForSums() {
    // Operations end in their order.
    group.wait { $0.done >= $0.joined[rank] ? () : nil }
  }

  public func sum(_ numbers: [Double]) -> [Double] {
    guard case .doubles(let sums) = result(of: .doubles(numbers)) else { return numbers }
    return sums
  }

  public func broadcast(_ bytes: [UInt8]) -> [UInt8] {
    guard case .bytes(let first) = result(of: .bytes(bytes)) else { return bytes }
    return first
  }

  public func finish() {}

  private func result(of contribution: Contribution) -> Contribution {
    let number = group.change { $0.join(rank, contribution) }
    return group.wait { $0.takeResult(number) }
  }

  fileprivate enum Contribution {
    case floats(UnsafeMutableBufferPointer<Float>)
    case doubles([Double])
    case bytes([UInt8])
  }

  fileprivate struct Group {
    let ranks: Int
    /// Operations that each rank has begun.
    var joined: [Int]
    /// Operations that are done: the first so many.
    var done = 0
    /// By the number of the operation.
    private var contributions: [Int: [Int: Contribution]] = [:]
    private var results: [Int: (value: Contribution, readers: Int)] = [:]

    init(ranks: Int) {
      self.ranks = ranks
      joined = Array(repeating: 0, count: ranks)
    }

    /// - Returns: The operation's number.
    mutating func join(_ rank: Int, _ contribution: Contribution) -> Int {
      let number = joined[rank]
      joined[rank] += 1
      contributions[number, default: [:]][rank] = contribution
      if contributions[number]?.count == ranks {
        let all = contributions.removeValue(forKey: number) ?? [:]
        finish(number, (0..<ranks).compactMap { all[$0] })
      }
      return number
    }

    mutating func takeResult(_ number: Int) -> Contribution? {
      guard let result = results[number] else { return nil }
      results[number] = result.readers == 1 ? nil : (result.value, result.readers - 1)
      return result.value
    }

    private mutating func finish(_ number: Int, _ all: [Contribution]) {
      done = number + 1
      switch all[0] {
      case .bytes: results[number] = (all[0], ranks)
      case .doubles(var sums):
        for case .doubles(let numbers) in all.dropFirst() {
          precondition(numbers.count == sums.count, "ranks sum up different numbers of numbers")
          for index in sums.indices { sums[index] += numbers[index] }
        }
        results[number] = (.doubles(sums), ranks)
      case .floats(let sums):
        for case .floats(let numbers) in all.dropFirst() {
          precondition(numbers.count == sums.count, "ranks sum up different numbers of numbers")
          for index in sums.indices { sums[index] += numbers[index] }
        }
        for case .floats(let numbers) in all.dropFirst() { _ = numbers.update(from: sums) }
      }
    }
  }
}

extension InProcessCommunicator {
  /// Runs `body` for each rank of a new group, on a thread of its own.
  ///
  /// - Returns: What the ranks return, in their order.
  /// - Throws: The first rank's error that there is.
  package static func run<Value: Sendable>(
    ranks: Int, _ body: @escaping @Sendable (InProcessCommunicator) throws -> Value
  ) throws -> [Value] {
    let results = Monitored<[Int: Result<Value, any Error>]>([:])
    for communicator in group(of: ranks) {
      Thread.detachNewThread {
        let result = Result { try body(communicator) }
        results.change { $0[communicator.rank] = result }
      }
    }
    let all = results.wait { $0.count == ranks ? $0 : nil }
    return try (0..<ranks).compactMap { try all[$0]?.get() }
  }
}
