/// The workcell's cameras, in the embodiment's order.
public enum WorkcellCamera: String, CaseIterable, Sendable {
  /// In front of the table, looking down at an angle.
  case base
  /// On each gripper, looking straight down.
  case leftWrist = "left_wrist"
  case rightWrist = "right_wrist"
}

extension Workcell {
  /// Renders what a camera sees now.
  ///
  /// - Parameters:
  ///   - camera: Which one.
  ///   - side: Width and height in pixels.
  /// - Returns: [side, side, 3] bytes, rows from the top.
  public func image(_ camera: WorkcellCamera, side: Int) -> [UInt8] {
    var drawing = Drawing()
    let colour = Colour(112, 104, 92)
    let a = Workcell.lowest
    let b = Workcell.highest
    drawing.polygon(
      [Vector3(a.x, a.y, 0), Vector3(b.x, a.y, 0), Vector3(b.x, b.y, 0), Vector3(a.x, b.y, 0)],
      colour)
    scene.draw(into: &drawing)
    for arm in Side.allCases {
      // A wrist camera does not see its own arm: it is behind it.
      let isOwn = camera == (arm == .left ? .leftWrist : .rightWrist)
      draw(arm, withForearm: !isOwn, into: &drawing)
    }

    let projection: Projection
    switch camera {
    case .base:
      projection = Projection(
        scale: Float(side) / 1.06, depth: 0.8, height: 0.75, middle: Vector3(0, 0.02, 0.14),
        side: side)
    case .leftWrist, .rightWrist:
      let position = arms[camera == .leftWrist ? .left : .right].position
      projection = Projection(
        // The view widens as the gripper rises.
        scale: Float(side) / (0.24 + position.z), depth: 1, height: 0, middle: position, side: side)
    }
    var raster = Raster(side: side, background: Colour(52, 56, 62))
    raster.paint(drawing, projection)
    return raster.bytes
  }

  private func draw(_ side: Side, withForearm: Bool, into drawing: inout Drawing) {
    let arm = arms[side]
    let isLeft = side == .left
    let tip = arm.position
    if withForearm {
      let shoulder = Vector3(isLeft ? -0.38 : 0.38, -0.42, 0.30)
      drawing.bar(
        shoulder, tip + Vector3(0, -0.01, 0.07), width: 0.035,
        isLeft ? Colour(40, 92, 168) : Colour(176, 88, 24))
      // Its shadow tells how high it is.
      drawing.disc(Vector3(tip.x, tip.y, 0), radius: 0.015, Colour(70, 64, 56))
    }
    let finger = isLeft ? Colour(96, 168, 255) : Colour(255, 168, 72)
    let gap = 0.012 + 0.034 * arm.aperture
    for sign: Float in [-1, 1] {
      let foot = tip + Vector3(sign * gap, 0, 0)
      drawing.bar(foot, foot + Vector3(0, 0.012, 0.05), width: 0.018, finger)
    }
    if arm.holding != nil { drawing.disc(tip, radius: 0.012, Colour(255, 255, 160)) }
  }
}
