// What garments look like.
extension GarmentScene {
  private static let sleeve = Colour(120, 180, 235)
  private static let collarColour = Colour(235, 40, 60)
  private static let stackColour = Colour(200, 200, 120)
  private static let gripColour = Colour(225, 225, 235)

  /// Outside, inside and what is sewn to them.
  private var colours: (front: Colour, back: Colour, sleeve: Colour) {
    switch garment.cut {
    case .shortSleeved: (Colour(70, 130, 200), Colour(30, 64, 110), Self.sleeve)
    case .longSleeved: (Colour(80, 150, 90), Colour(34, 74, 40), Colour(130, 200, 140))
    case .legs: (Colour(150, 90, 170), Colour(74, 40, 88), Colour(196, 140, 214))
    case .plain: (Colour(222, 150, 90), Colour(120, 74, 36), Colour(240, 190, 140))
    }
  }

  func draw(into drawing: inout Drawing) {
    square(stackSpot, 0.075, Self.stackColour, into: &drawing)
    let width = 0.12 * garment.width
    let low: Float = half == .hemOver ? 0 : -0.14 * garment.length
    let high: Float = half == .topOver ? 0.01 : 0.16 * garment.length
    // Folded by the hem, the inside shows.
    let body = half == .hemOver ? colours.back : colours.front
    let left: Float = foldedOver && !garment.goesLeft ? 0 : -width
    let right: Float = foldedOver && garment.goesLeft ? 0 : width
    drawing.polygon(
      [world(left, low), world(right, low), world(right, high), world(left, high)], body)
    drawPrint(left, right, low, high, into: &drawing)
    for (part, isIn) in [(Part.leftSide, leftSideIn), (Part.rightSide, rightSideIn)]
    // A sleeve that was left out sticks out for good.
    where garment.work.contains(.sides) && !(foldedOver && isIn) {
      sleeveFlap(part, into: &drawing)
    }
    if garment.work.contains(.over) && !foldedOver {
      drawing.disc(position(.edge), radius: 0.018, Self.gripColour)
    }
    if half == .none && garment.work.contains(.half) {
      let y = 0.145 * garment.length
      drawing.bar(world(-0.07, y), world(0.07, y), width: 0.03, Self.collarColour)
      flap(.top, from: 0, into: &drawing)
      flap(.hem, from: 0, into: &drawing)
    } else if half == .topOver {
      // The collar is on top: it can be seen until the garment lies on the stack.
      let y = -0.115 * garment.length
      let x: Float = foldedOver ? 0.02 : -0.07
      drawing.bar(
        world(x, y), world(foldedOver ? 0.10 : 0.07, y), width: 0.04, Self.collarColour)
    }
    if garment.work.contains(.smooth) {
      drawing.gauge(
        world(0, 0.22), width: 0.14, level: smoothness,
        isDone(.smooth) ? Colour(90, 220, 110) : Colour(220, 160, 60))
    }
    if foldedOver || !garment.work.contains(.over) && half != .none {
      drawing.disc(position(.block), radius: 0.02, Self.gripColour)
    }
  }

  /// Stripes tell apart the garments of one cut; a stretched one wears a dark cross.
  private func drawPrint(
    _ left: Float, _ right: Float, _ low: Float, _ high: Float, into drawing: inout Drawing
  ) {
    let middle = (low + high) / 2
    if garment.cut == .legs && half == .none {
      // The gap between the legs.
      let x = (left + right) / 2
      drawing.bar(world(x, low), world(x, middle), width: 0.02, Colour(112, 104, 92))
    }
    let stripe = Colour(250, 250, 200)
    if garment.pattern == 1 {
      let x = left + 0.3 * (right - left)
      drawing.bar(world(x, low), world(x, high), width: 0.06, stripe)
    } else if garment.pattern == 2 {
      let y = low + 0.3 * (high - low)
      drawing.bar(world(left, y), world(right, y), width: 0.06, stripe)
    }
    if isStretched {
      let dark = Colour(20, 20, 20)
      drawing.bar(world(left, low), world(right, high), width: 0.02, dark)
      drawing.bar(world(left, high), world(right, low), width: 0.02, dark)
    }
  }

  private func square(
    _ center: Vector3, _ half: Float, _ colour: Colour, into drawing: inout Drawing
  ) {
    drawing.polygon(
      [
        center + Vector3(-half, -half, 0), center + Vector3(half, -half, 0),
        center + Vector3(half, half, 0), center + Vector3(-half, half, 0),
      ], colour)
  }

  private func sleeveFlap(_ part: Part, into drawing: inout Drawing) {
    let isLeft = part == .leftSide
    let hinge = place(part, folded: false)
    let width = 0.12 * garment.width
    let root = world(isLeft ? -width : width, half == .topOver ? -0.09 : 0.10)
    let tip = position(part)
    if (tip - hinge).length > 0.02 || (isLeft ? leftSideIn : rightSideIn) {
      drawing.bar(root, tip, width: 0.06, colours.sleeve)
    } else {
      drawing.bar(root, hinge, width: 0.07, colours.sleeve)
    }
  }

  /// An end that is being carried, drawn as a sheet from the fold's line to where it is.
  private func flap(_ part: Part, from line: Float, into drawing: inout Drawing) {
    let tip = position(part)
    guard (tip - place(part, folded: false)).length > 0.03 else { return }
    let width = 0.12 * garment.width
    let wide = world(width, line) - world(0, line)
    drawing.polygon(
      [world(-width, line), world(width, line), tip + wide, tip - wide],
      part == .hem ? colours.back : colours.sleeve)
    if part == .top {
      drawing.bar(
        tip - wide * 0.5, tip + wide * 0.5, width: 0.03, Self.collarColour)
    }
  }
}
