/// Every garment that a task may lay out: the eleven kinds of the paper's diverse laundry.
enum Wardrobe {
  static let tShirt = Garment(
    name: "T-shirt", cut: .shortSleeved, pattern: 0, work: [.half, .sides, .over, .stack],
    carriedEnd: .top)
  static let polo = Garment(
    name: "polo", cut: .shortSleeved, pattern: 1, work: [.smooth, .half, .sides, .over, .stack],
    carriedEnd: .top)

  static let longSleevedShirt = Garment(
    name: "long-sleeved shirt", cut: .longSleeved, pattern: 0, width: 1.1,
    work: [.sides, .half, .over, .stack], carriedEnd: .top)
  /// The longest work of all.
  static let buttonUpShirt = Garment(
    name: "button-up shirt", cut: .longSleeved, pattern: 1, width: 1.1, length: 1.1,
    work: [.smooth, .sides, .half, .over, .stack], carriedEnd: .top)
  static let sweater = Garment(
    name: "sweater", cut: .longSleeved, pattern: 2, width: 1.1, cloth: .wool,
    work: [.sides, .half, .over, .stack], carriedEnd: .top)

  static let shorts = Garment(
    name: "shorts", cut: .legs, pattern: 0, width: 0.9, length: 0.75,
    work: [.half, .over, .stack], carriedEnd: .hem, goesLeft: true)
  /// Leg on leg first.
  static let jeans = Garment(
    name: "jeans", cut: .legs, pattern: 1, width: 0.85, length: 1.15,
    work: [.over, .half, .stack], carriedEnd: .hem, goesLeft: true)
  static let underwear = Garment(
    name: "underwear", cut: .legs, pattern: 2, width: 0.7, length: 0.6,
    work: [.half, .stack], carriedEnd: .hem, goesLeft: true)

  static let towel = Garment(
    name: "towel", cut: .plain, pattern: 0, width: 1.1, length: 1.1,
    work: [.half, .over, .stack], carriedEnd: .hem)
  static let skirt = Garment(
    name: "skirt", cut: .plain, pattern: 1, width: 0.9, cloth: .silk,
    work: [.over, .half, .stack], carriedEnd: .top)
  static let socks = Garment(
    name: "socks", cut: .plain, pattern: 2, width: 0.75, length: 0.6,
    work: [.over, .stack], carriedEnd: .hem, goesLeft: true)

  static let all = [
    tShirt, polo, longSleevedShirt, buttonUpShirt, sweater, shorts, jeans, underwear, towel, skirt,
    socks,
  ]
}
