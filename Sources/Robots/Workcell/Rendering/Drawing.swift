/// An 8-bit RGB colour.
struct Colour: Hashable, Sendable {
  var red: UInt8
  var green: UInt8
  var blue: UInt8

  init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }
}

/// What there is to see, as shapes in table coordinates, painted in the order given.
struct Drawing: Sendable {
  enum Shape: Sendable {
    /// A filled disc facing the camera, with a radius in metres.
    case disc(Vector3, radius: Float, Colour)
    /// A straight bar with a width in metres.
    case bar(Vector3, Vector3, width: Float, Colour)
    /// A filled polygon.
    case polygon([Vector3], Colour)
  }

  private(set) var shapes: [Shape] = []

  mutating func disc(_ center: Vector3, radius: Float, _ colour: Colour) {
    shapes.append(.disc(center, radius: radius, colour))
  }

  mutating func bar(_ from: Vector3, _ to: Vector3, width: Float, _ colour: Colour) {
    shapes.append(.bar(from, to, width: width, colour))
  }

  mutating func polygon(_ corners: [Vector3], _ colour: Colour) {
    shapes.append(.polygon(corners, colour))
  }

  /// A gauge that stands upright on the table's far side: `level` of its width is lit.
  mutating func gauge(_ at: Vector3, width: Float, level: Float, _ colour: Colour) {
    let half = Vector3(width / 2, 0, 0)
    bar(at - half, at + half, width: 0.035, Colour(30, 30, 34))
    if level > 0.02 {
      bar(at - half, at - half + Vector3(width * min(level, 1), 0, 0), width: 0.035, colour)
    }
  }
}

/// A projection from the table to an image: position = origin + A · point, in pixels, without
/// perspective.
struct Projection: Sendable {
  /// Pixels a metre.
  var scale: Float
  /// How far up the image one metre of y and one metre of z lead, in metres.
  var depth: Float
  var height: Float
  /// The table point in the middle of the image.
  var middle: Vector3
  var side: Int

  func callAsFunction(_ point: Vector3) -> (x: Float, y: Float) {
    let d = point - middle
    let centre = Float(side) / 2
    return (centre + d.x * scale, centre - (d.y * depth + d.z * height) * scale)
  }
}

/// A square RGB image and the painting of shapes into it.
struct Raster: Sendable {
  let side: Int
  private(set) var bytes: [UInt8]

  init(side: Int, background: Colour) {
    self.side = side
    bytes = []
    bytes.reserveCapacity(side * side * 3)
    for _ in 0..<side * side { bytes += [background.red, background.green, background.blue] }
  }

  mutating func paint(_ drawing: Drawing, _ projection: Projection) {
    for shape in drawing.shapes {
      switch shape {
      case .disc(let center, let radius, let colour):
        let (x, y) = projection(center)
        // Never thinner than a pixel, or small things would flicker.
        disc(x, y, max(radius * projection.scale, 0.6), colour)
      case .bar(let from, let to, let width, let colour):
        bar(projection(from), projection(to), max(width * projection.scale, 1) / 2, colour)
      case .polygon(let corners, let colour):
        polygon(corners.map { projection($0) }, colour)
      }
    }
  }

  private mutating func set(_ x: Int, _ y: Int, _ colour: Colour) {
    let first = (y * side + x) * 3
    bytes[first] = colour.red
    bytes[first + 1] = colour.green
    bytes[first + 2] = colour.blue
  }

  /// The pixels whose centres lie in [low, high], cut to the image.
  private func pixels(_ low: Float, _ high: Float) -> Range<Int> {
    let first = Int((low - 0.5).rounded(.up).clamped(0, Float(side)))
    let last = Int((high - 0.5).rounded(.down).clamped(-1, Float(side - 1))) + 1
    return first..<max(first, last)
  }

  private mutating func disc(_ x: Float, _ y: Float, _ radius: Float, _ colour: Colour) {
    for row in pixels(y - radius, y + radius) {
      let dy = Float(row) + 0.5 - y
      let half = max(0, radius * radius - dy * dy).squareRoot()
      for column in pixels(x - half, x + half) { set(column, row, colour) }
    }
  }

  private mutating func bar(
    _ a: (x: Float, y: Float), _ b: (x: Float, y: Float), _ half: Float, _ colour: Colour
  ) {
    let dx = b.x - a.x
    let dy = b.y - a.y
    let squared = max(dx * dx + dy * dy, 1e-6)
    for row in pixels(min(a.y, b.y) - half, max(a.y, b.y) + half) {
      for column in pixels(min(a.x, b.x) - half, max(a.x, b.x) + half) {
        let px = Float(column) + 0.5 - a.x
        let py = Float(row) + 0.5 - a.y
        let along = ((px * dx + py * dy) / squared).clamped(0, 1)
        let ex = px - along * dx
        let ey = py - along * dy
        if ex * ex + ey * ey <= half * half { set(column, row, colour) }
      }
    }
  }

  private mutating func polygon(_ corners: [(x: Float, y: Float)], _ colour: Colour) {
    guard let low = corners.map(\.y).min(), let high = corners.map(\.y).max() else { return }
    for row in pixels(low, high) {
      // Even-odd rule along the row's middle line.
      let y = Float(row) + 0.5
      var crossings: [Float] = []
      var previous = corners[corners.count - 1]
      for corner in corners {
        if (corner.y > y) != (previous.y > y) {
          crossings.append(
            corner.x + (y - corner.y) / (previous.y - corner.y) * (previous.x - corner.x))
        }
        previous = corner
      }
      crossings.sort()
      for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
        for column in pixels(crossings[pair], crossings[pair + 1]) { set(column, row, colour) }
      }
    }
  }
}
