extension RGBImage {
  /// The picture at another size: its largest centred part of that shape, smaller by weighted means
  /// over all pixels that fall into one (a triangle filter), larger by linear interpolation.
  ///
  /// - Precondition: a size of at least one pixel.
  public func filling(width: Int, height: Int) -> RGBImage {
    precondition(width > 0 && height > 0, "no picture has \(width)×\(height) pixels")
    // Source pixels along one pixel of the result, in both directions.
    let step = min(Double(self.width) / Double(width), Double(self.height) / Double(height))
    let columns = Taps.along(self.width, count: width, step: step)
    let rows = Taps.along(self.height, count: height, step: step)

    // [height of the source, width of the result, 3]
    var narrowed = [Float](repeating: 0, count: self.height * width * 3)
    for y in 0..<self.height {
      for (x, taps) in columns.enumerated() {
        let target = (y * width + x) * 3
        var source = (y * self.width + taps.first) * 3
        for weight in taps.weights {
          for colour in 0..<3 {
            narrowed[target + colour] += weight * Float(bytes[source + colour])
          }
          source += 3
        }
      }
    }
    let rowSize = width * 3
    var result: [UInt8] = []
    result.reserveCapacity(height * rowSize)
    for taps in rows {
      var row = [Float](repeating: 0, count: rowSize)
      for (offset, weight) in taps.weights.enumerated() {
        let source = (taps.first + offset) * rowSize
        for place in 0..<rowSize { row[place] += weight * narrowed[source + place] }
      }
      for value in row { result.append(UInt8(min(max(value.rounded(), 0), 255))) }
    }
    return RGBImage(width: width, height: height, bytes: result)
  }
}

/// The source pixels that one pixel of the result is made of, along one axis.
private struct Taps {
  var first: Int
  /// They sum to 1.
  var weights: [Float]

  /// The middle count × step pixels of `length`.
  static func along(_ length: Int, count: Int, step: Double) -> [Taps] {
    let start = (Double(length) - Double(count) * step) / 2
    let reach = max(step, 1)
    return (0..<count).map { index in
      let centre = start + (Double(index) + 0.5) * step
      let first = min(max(Int((centre - reach).rounded(.down)), 0), length - 1)
      let last = min(max(Int((centre + reach).rounded(.up)), first + 1), length)
      let weights = (first..<last).map { max(0, 1 - abs(Double($0) + 0.5 - centre) / reach) }
      let sum = weights.reduce(0, +)
      return Taps(first: first, weights: weights.map { Float($0 / sum) })
    }
  }
}
