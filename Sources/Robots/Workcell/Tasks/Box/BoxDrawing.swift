// What box assembly looks like.
extension BoxScene {
  private static let cardboard = Colour(190, 140, 84)
  private static let edgeColour = Colour(128, 88, 48)
  private static let flapColour = Colour(216, 172, 116)

  func draw(into drawing: inout Drawing) {
    rectangle(mat, 0.12, 0.10, Colour(70, 90, 84), into: &drawing)
    rectangle(crate, 0.10, 0.09, Colour(60, 80, 150), into: &drawing)
    rectangle(crate, 0.08, 0.07, Colour(36, 50, 96), into: &drawing)
    drawing.disc(roll, radius: 0.03, Colour(110, 110, 120))

    rectangle(center, 0.10, 0.08, isBuilt ? Self.edgeColour : Self.cardboard, into: &drawing)
    for (flap, side) in [(Part.leftFlap, Float(-1)), (Part.rightFlap, 1)] where !isBuilt {
      drawing.bar(
        center + Vector3(0.09 * side, -0.02, 0), position(flap), width: 0.09,
        isTucked ? Self.edgeColour : Self.flapColour)
    }
    if isBuilt {
      // The closed box stands higher than the sheet.
      rectangle(center + Vector3(0, 0, 0.07), 0.10, 0.08, Self.flapColour, into: &drawing)
      rectangle(spot, 0.03, 0.02, Self.cardboard, into: &drawing)
      drawing.disc(position(.sheet), radius: 0.016, Self.edgeColour)
    } else {
      drawing.bar(
        center + Vector3(0.02, 0.07, 0), position(.lid), width: 0.08, Self.cardboard)
      drawing.gauge(
        mat + Vector3(0, -0.16, 0), width: 0.14, level: isTucked ? 1 : tuck,
        Colour(90, 220, 110))
      if isJammed { drawing.disc(center, radius: 0.04, Colour(220, 50, 40)) }
    }
    let label =
      switch labelPlace {
      case .roll: Colour(245, 245, 245)
      case .beside: Colour(250, 200, 60)
      case .onSpot: Colour(90, 220, 110)
      }
    rectangle(position(.label), 0.025, 0.018, label, into: &drawing)
  }

  private func rectangle(
    _ center: Vector3, _ width: Float, _ depth: Float, _ colour: Colour,
    into drawing: inout Drawing
  ) {
    drawing.polygon(
      [
        center + Vector3(-width, -depth, 0), center + Vector3(width, -depth, 0),
        center + Vector3(width, depth, 0), center + Vector3(-width, depth, 0),
      ], colour)
  }
}
