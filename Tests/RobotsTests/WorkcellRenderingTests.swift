import Testing

@testable import Robots

@Suite("Workcell cameras")
struct WorkcellRenderingTests {
  /// Pixels that differ by more than a little.
  private func difference(_ a: [UInt8], _ b: [UInt8]) -> Int {
    stride(from: 0, to: a.count, by: 3).count { pixel in
      (0..<3).contains { abs(Int(a[pixel + $0]) - Int(b[pixel + $0])) > 24 }
    }
  }

  /// The scene of an episode folded one way or the other, with the arms at fixed places.
  private func folded(byHem: Bool, side: Int) -> [UInt8]? {
    var image: [UInt8]?
    _ = attempt(
      GarmentTask.tshirt, CoachFlaws(mistakeScale: 1), seed: 3,
      mistakes: byHem ? [Mistake(kind: .foldWrongWay, probability: 1)] : []
    ) { cell, _ in
      if image == nil && cell.subtask == 1 {
        var drawing = Drawing()
        cell.scene.draw(into: &drawing)
        var raster = Raster(side: side, background: Colour(0, 0, 0))
        raster.paint(
          drawing,
          Projection(
            scale: Float(side), depth: 0.8, height: 0.75, middle: Vector3(0, 0, 0), side: side))
        image = raster.bytes
      }
    }
    return image
  }

  private func redPixels(_ image: [UInt8]) -> Int {
    stride(from: 0, to: image.count, by: 3).count {
      image[$0] > 180 && image[$0 + 1] < 90 && image[$0 + 2] < 110
    }
  }

  @Test("the collar shows when it is up and not when it is down", arguments: [32, 48])
  func collar(side: Int) throws {
    let up = try #require(folded(byHem: false, side: side))
    let down = try #require(folded(byHem: true, side: side))
    #expect(redPixels(up) >= 3)
    #expect(redPixels(down) == 0)
  }

  @Test("each kind of garment looks like no other, also from small cameras", arguments: [32, 48])
  func garments(side: Int) {
    var images: [(name: String, image: [UInt8])] = []
    for garment in Wardrobe.all {
      var task = GarmentTask.laundry
      task.wardrobe = [garment]
      images.append((garment.name, Workcell(task, seed: 5).image(.base, side: side)))
    }
    for (index, a) in images.enumerated() {
      for b in images[..<index] {
        #expect(difference(a.image, b.image) >= 8, "\(a.name) and \(b.name)")
      }
    }
  }

  @Test("a box shows how far it is built, whether its flaps jam and where its label is")
  func box() {
    var images: [Int: [UInt8]] = [:]
    _ = attempt(BoxTask(), .flawless, seed: 1) { cell, _ in
      if images[cell.subtask] == nil { images[cell.subtask] = cell.image(.base, side: 32) }
    }
    for stage in 1..<5 {
      if let a = images[stage - 1], let b = images[stage] { #expect(difference(a, b) >= 4) }
    }
    #expect(images.count == 5)
  }

  @Test("every camera sees the arms move and the grippers close")
  func arms() throws {
    let start = try Workcell(task: "espresso", seed: 1)
    var moved = start
    for _ in 0..<6 { moved.step([0.9, 0, 0, 1, -0.9, 0, 0, 1][...]) }
    for camera in WorkcellCamera.allCases {
      let before = start.image(camera, side: 48)
      let after = moved.image(camera, side: 48)
      #expect(before.count == 48 * 48 * 3)
      #expect(difference(before, after) >= 10, "\(camera)")
    }
  }

  @Test("gauges, cup and coffee show in the base view")
  func gauges() {
    var images: [Int: [UInt8]] = [:]
    _ = attempt(EspressoTask(), .flawless, seed: 1) { cell, _ in
      if images[cell.subtask] == nil { images[cell.subtask] = cell.image(.base, side: 32) }
    }
    #expect(images.count == 8)
    for stage in 1..<8 {
      if let a = images[stage - 1], let b = images[stage] { #expect(difference(a, b) >= 4) }
    }
  }

  @Test("shapes beyond the image are cut, not wrapped")
  func clipping() {
    var drawing = Drawing()
    drawing.disc(Vector3(-10, -10, 0), radius: 0.1, Colour(255, 0, 0))
    drawing.bar(Vector3(-9, 9, 0), Vector3(-8, 8, 0), width: 0.1, Colour(255, 0, 0))
    drawing.polygon(
      [Vector3(5, 5, 0), Vector3(6, 5, 0), Vector3(6, 6, 0)], Colour(255, 0, 0))
    var raster = Raster(side: 16, background: Colour(1, 2, 3))
    let projection = Projection(
      scale: 16, depth: 1, height: 0, middle: .zero, side: 16)
    raster.paint(drawing, projection)
    #expect(redPixels(raster.bytes) == 0)
    drawing = Drawing()
    drawing.polygon(
      [Vector3(-9, -9, 0), Vector3(9, -9, 0), Vector3(9, 9, 0), Vector3(-9, 9, 0)],
      Colour(255, 0, 0))
    raster.paint(drawing, projection)
    #expect(redPixels(raster.bytes) == 256)
  }
}
