// What espresso looks like.
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
