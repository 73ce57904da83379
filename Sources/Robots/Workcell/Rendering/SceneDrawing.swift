// What the scenes look like. Everything in `points` and `visibleStates` shows here too, so that a
// policy with cameras alone can do every task.

extension GarmentScene {
  private static let front = Colour(70, 130, 200)
  private static let back = Colour(30, 64, 110)
  private static let sleeve = Colour(120, 180, 235)
  private static let collarColour = Colour(235, 40, 60)
  private static let stackColour = Colour(200, 200, 120)

  func draw(into drawing: inout Drawing) {
    square(stackSpot, 0.075, Self.stackColour, into: &drawing)
    let low: Float = half == .hemOver ? 0 : -0.14
    let high: Float = half == .collarOver ? 0.01 : 0.16
    // Folded by the hem, the shirt shows its back.
    let body = half == .hemOver ? Self.back : Self.front
    let left: Float = foldedOver ? 0 : -0.12
    drawing.polygon(
      [world(left, low), world(0.12, low), world(0.12, high), world(left, high)], body)
    if !foldedOver {
      sleeveFlap(.leftSleeve, into: &drawing)
      sleeveFlap(.rightSleeve, into: &drawing)
      drawing.disc(position(.edge), radius: 0.018, Colour(225, 225, 235))
    }
    if half == .none {
      drawing.bar(world(-0.07, 0.145), world(0.07, 0.145), width: 0.03, Self.collarColour)
      flap(.collar, from: 0, into: &drawing)
      flap(.hem, from: 0, into: &drawing)
    } else if half == .collarOver {
      // The collar is on top: it can be seen until the shirt lies on the stack.
      let x: Float = foldedOver ? 0.02 : -0.07
      drawing.bar(
        world(x, -0.115), world(foldedOver ? 0.10 : 0.07, -0.115), width: 0.04,
        Self.collarColour)
    }
    if foldedOver { drawing.disc(position(.block), radius: 0.02, Colour(225, 225, 235)) }
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
    let isLeft = part == .leftSleeve
    let hinge = place(part, folded: false)
    let x: Float = isLeft ? -0.12 : 0.12
    let root = world(x, half == .collarOver ? -0.09 : 0.10)
    let tip = position(part)
    if (tip - hinge).length > 0.02 || (isLeft ? leftSleeveIn : rightSleeveIn) {
      drawing.bar(root, tip, width: 0.06, Self.sleeve)
    } else {
      drawing.bar(root, hinge, width: 0.07, Self.sleeve)
    }
  }

  /// An end that is being carried, drawn as a sheet from the fold's line to where it is.
  private func flap(_ part: Part, from line: Float, into drawing: inout Drawing) {
    let tip = position(part)
    guard (tip - place(part, folded: false)).length > 0.03 else { return }
    let wide = world(0.12, line) - world(0, line)
    drawing.polygon(
      [world(-0.12, line), world(0.12, line), tip + wide, tip - wide],
      part == .hem ? Self.back : Self.sleeve)
    if part == .collar {
      drawing.bar(
        tip - wide * 0.5, tip + wide * 0.5, width: 0.03,
        Self.collarColour)
    }
  }
}

extension EspressoScene {
  func draw(into drawing: inout Drawing) {
    drawing.disc(saucer, radius: 0.06, Colour(230, 225, 210))
    drawing.disc(mat, radius: 0.05, isTamped ? Colour(40, 90, 60) : Colour(40, 40, 44))
    drawing.disc(Vector3(tray.x, tray.y, 0), radius: 0.055, Colour(90, 94, 100))
    // The machine: a box behind the tray, the head in front of it, the button on its side.
    let back = Vector3(head.x, head.y + 0.08, 0)
    drawing.polygon(
      [
        back + Vector3(-0.10, 0, 0), back + Vector3(0.20, 0, 0), back + Vector3(0.20, 0, 0.26),
        back + Vector3(-0.10, 0, 0.26),
      ], Colour(150, 154, 160))
    drawing.disc(head, radius: 0.035, Colour(60, 62, 66))
    let light =
      isStarted ? Colour(60, 230, 90) : press > 0 ? Colour(250, 200, 60) : Colour(220, 50, 40)
    drawing.disc(button, radius: 0.022, light)
    drawing.bar(
      Vector3(grinder.x, grinder.y + 0.03, 0), grinder + Vector3(0, 0.03, 0.10), width: 0.08,
      Colour(84, 60, 44))
    drawing.disc(grinder, radius: 0.02, isFilled ? Colour(60, 200, 90) : Colour(210, 180, 120))
    // Displays: the dose on the grinder, the press on the mat, the pour on the machine.
    drawing.gauge(
      grinder + Vector3(0, 0.03, 0.13), width: 0.14, level: dose,
      dose >= Self.goodDose ? Colour(90, 220, 110) : Colour(220, 160, 60))
    drawing.gauge(
      mat + Vector3(0, -0.07, 0), width: 0.12, level: tamp,
      tamp >= Self.goodTamp ? Colour(90, 220, 110) : Colour(220, 160, 60))
    drawing.gauge(
      back + Vector3(-0.02, 0, 0.22), width: 0.14, level: fill,
      fill >= Self.goodFill ? Colour(90, 220, 110) : Colour(70, 160, 230))

    drawing.disc(cup, radius: 0.034, Colour(245, 245, 245))
    if fill > 0.05 { drawing.disc(cup, radius: 0.006 + 0.02 * fill, Colour(90, 50, 20)) }
    if isStarted && fill < 1 {
      drawing.bar(head, Vector3(head.x, head.y, 0.05), width: 0.012, Colour(90, 50, 20))
    }
    drawing.bar(
      portafilter, portafilter + Vector3(0, -0.07, 0), width: 0.02, Colour(24, 24, 28))
    drawing.disc(portafilter, radius: 0.032, Colour(190, 194, 200))
    if dose > 0.05 {
      drawing.disc(
        portafilter, radius: 0.006 + 0.02 * dose,
        tamp >= Self.goodTamp ? Colour(60, 34, 16) : Colour(150, 100, 50))
    }
  }
}
