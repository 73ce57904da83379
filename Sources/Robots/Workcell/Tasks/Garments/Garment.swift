/// A garment as data: how large it is, what has to be done to it, in which order and with which
/// hand. `GarmentScene` is the cloth of any of them; `Wardrobe` lists them.
struct Garment: Sendable {
  /// What can be done to a garment.
  enum Work: Sendable {
    /// Stroke out the creases with an open hand.
    case smooth
    /// Carry one end over the other.
    case half
    /// Fold both sides, such as sleeves, to the middle.
    case sides
    /// Fold what is left over once more, across.
    case over
    /// Carry the folded garment to its stack.
    case stack
  }

  /// What its outline shows.
  enum Cut: Sendable, CaseIterable { case shortSleeved, longSleeved, legs, plain }

  /// One of the two ends that can be carried over the other: each belongs to the hand beside it.
  enum End: Sendable {
    /// Collar or waistband: the right hand's.
    case top
    /// The left hand's.
    case hem

    var other: End { self == .top ? .hem : .top }
    var hand: Side { self == .top ? .right : .left }
  }

  var name: String
  var cut: Cut
  /// Tells apart the garments of one cut, below `patternCount`: a print that a camera sees.
  var pattern: Int
  /// Width and length as shares of a T-shirt's.
  var width: Float = 1
  var length: Float = 1
  var cloth = Cloth.cotton
  /// What has to be done, in order. The stack comes last.
  var work: [Work]
  /// The end that is carried over the other, so that the right side stays outside.
  var carriedEnd: End
  /// Whether it is folded over to the left and belongs on the left stack. If so, the right hand
  /// folds it over and the left hand carries it; otherwise the other way round.
  var goesLeft = false

  static let patternCount = 3

  /// The hand that folds it over. The side beside this hand is the one that nobody forgets.
  var overHand: Side { goesLeft ? .right : .left }
  /// The hand that carries it to the stack.
  var stackHand: Side { goesLeft ? .left : .right }
}

/// How cloth behaves when it is carried. Speeds are shares of the arm's maximum.
struct Cloth: Sendable {
  /// The speed that is always safe.
  var safeSpeed: Float
  /// Where an episode's hidden limit lies, above which the cloth slips out of the gripper, or
  /// stretches.
  var limits: Range<Float>
  /// Whether it stretches, which cannot be mended, instead of slipping.
  var stretches = false

  static let cotton = Cloth(safeSpeed: 0.85, limits: 0.90..<0.98)
  static let silk = Cloth(safeSpeed: 0.55, limits: 0.66..<0.74)
  static let wool = Cloth(safeSpeed: 0.60, limits: 0.80..<0.88, stretches: true)
}
