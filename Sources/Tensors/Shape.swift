/// Up to four axis lengths without a heap allocation.
struct Shape: Equatable {
  static let maximumRank = 4

  private(set) var rank: Int
  private var lengths: SIMD4<Int>

  init(_ lengths: [Int]) {
    precondition(
      lengths.count <= Shape.maximumRank && lengths.allSatisfy { $0 > 0 },
      "expected at most \(Shape.maximumRank) axes of positive length, got \(lengths)")
    rank = lengths.count
    self.lengths = SIMD4(repeating: 1)
    for (axis, length) in lengths.enumerated() { self.lengths[axis] = length }
  }

  init(_ a: Int, _ b: Int) {
    rank = 2
    lengths = SIMD4(a, b, 1, 1)
  }

  init(_ a: Int, _ b: Int, _ c: Int) {
    rank = 3
    lengths = SIMD4(a, b, c, 1)
  }

  /// A single number.
  static let scalar = Shape([])

  var count: Int { lengths[0] * lengths[1] * lengths[2] * lengths[3] }

  subscript(axis: Int) -> Int {
    get { lengths[axis] }
    set { lengths[axis] = newValue }
  }

  /// The length of the innermost axis; 1 for a scalar.
  var width: Int { rank == 0 ? 1 : lengths[rank - 1] }

  /// The number of innermost rows.
  var rows: Int { count / width }

  func replacingWidth(_ width: Int) -> Shape {
    var shape = self
    shape[rank - 1] = width
    return shape
  }

  /// Whether `self` is what remains of `other` without some of its leading axes.
  func isSuffix(of other: Shape) -> Bool {
    rank <= other.rank && (0..<rank).allSatisfy { self[$0] == other[other.rank - rank + $0] }
  }

  var array: [Int] { (0..<rank).map { lengths[$0] } }
}
