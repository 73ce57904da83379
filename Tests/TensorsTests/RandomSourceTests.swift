import Foundation
import Testing

@testable import Tensors

@Suite struct `Random numbers` {
  @Test func `repeat for a seed and differ between seeds and streams`() {
    func first(_ source: RandomSource) -> [UInt64] {
      var source = source
      return (0..<4).map { _ in source.next() }
    }
    #expect(first(RandomSource(seed: 5)) == first(RandomSource(seed: 5)))
    let different = [
      RandomSource(seed: 5), RandomSource(seed: 6), RandomSource(seed: 5, stream: "noise"),
      RandomSource(seed: 5, stream: "noisf"), RandomSource(seed: 6, stream: "noise"),
      RandomSource(seed: 5, stream: ""),
    ].map(first)
    #expect(Set(different).count == different.count)
  }

  /// The authors' C code, from the state that SplitMix64 makes of seed 0, gives these.
  @Test func `follow the published generator`() {
    var source = RandomSource(seed: 0)
    #expect(source.next() == 0x5317_5D61_490B_23DF)
    #expect(source.next() == 0x61DA_6F3D_C380_D507)
    #expect(source.next() == 0x5C0F_DF91_EC9A_7BFC)
  }

  @Test func `continue from a saved state`() throws {
    var source = RandomSource(seed: 8)
    _ = source.normal()
    var copy = try JSONDecoder().decode(
      RandomSource.self, from: try JSONEncoder().encode(source))
    #expect(copy == source)
    for _ in 0..<5 { #expect(copy.normal() == source.normal()) }
  }

  @Test func `have the moments of their distributions`() {
    var source = RandomSource(seed: 42)
    let count = 100_000
    let uniforms = (0..<count).map { _ in Double(source.uniform()) }
    #expect(uniforms.allSatisfy { $0 >= 0 && $0 < 1 })
    // Four standard errors: 0.289 / √n and so on.
    #expect(abs(uniforms.reduce(0, +) / Double(count) - 0.5) < 0.0037)
    let normals = source.normals(count).map(Double.init)
    let mean = normals.reduce(0, +) / Double(count)
    let variance = normals.map { $0 * $0 }.reduce(0, +) / Double(count)
    let fourth = normals.map { $0 * $0 * $0 * $0 }.reduce(0, +) / Double(count)
    #expect(abs(mean) < 0.0127)
    #expect(abs(variance - 1) < 0.018)
    #expect(abs(fourth - 3) < 0.124)
    let near = zip(normals, normals.dropFirst()).map { $0 * $1 }.reduce(0, +) / Double(count)
    #expect(abs(near) < 0.0127)
  }

  /// Named streams must not echo each other.
  @Test func `are uncorrelated between streams`() {
    var a = RandomSource(seed: 1, stream: "a")
    var b = RandomSource(seed: 1, stream: "b")
    let count = 50_000
    let product = (0..<count).map { _ in Double(a.normal() * b.normal()) }.reduce(0, +)
    #expect(abs(product / Double(count)) < 0.018)
  }

  @Test func `choose integers evenly`() {
    var source = RandomSource(seed: 9)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<70_000 { counts[source.integer(below: 7)] += 1 }
    // Chi-square with 6 degrees of freedom: above 22.5 once in a thousand.
    let chiSquare = counts.map { pow(Double($0) - 10_000, 2) / 10_000 }.reduce(0, +)
    #expect(chiSquare < 22.5)
    #expect(source.integer(below: 1) == 0)
  }

  @Test func `keep to their ranges`() {
    var source = RandomSource(seed: 3)
    #expect(Set((0..<200).map { _ in source.integer(in: -1...1) }) == [-1, 0, 1])
    #expect(source.integer(in: 4...4) == 4)
    #expect((0..<200).allSatisfy { _ in (-0.5..<0.25).contains(source.uniform(in: -0.5..<0.25)) })
    // A spread of nothing.
    #expect(source.uniform(in: -0.0..<0.0) == 0)
    #expect((0..<200).allSatisfy { _ in source.chance(1) && !source.chance(0) })
    let share = Double((0..<10_000).count { _ in source.chance(0.3) }) / 10_000
    // Four standard errors.
    #expect(abs(share - 0.3) < 0.0184)
  }

  @Test func `permute`() {
    var source = RandomSource(seed: 2)
    let order = source.permutation(100)
    #expect(order.sorted() == Array(0..<100))
    #expect(order != Array(0..<100))
    #expect(source.permutation(0) == [])
  }
}
