import Episodes
import Tensors

/// Folding what lies on the table and putting it on its stack. The tasks differ in what may lie
/// there and in what the stack refuses.
struct GarmentTask: WorkcellTask {
  let name: String
  let instruction: String
  /// The time limit, in steps.
  let maximumSteps: Int
  /// The work that a step may belong to, with its text.
  let subtasks: [(work: Garment.Work, text: String)]
  /// What may lie on the table, each equally likely.
  var wardrobe: [Garment]
  /// Why a garment folded the wrong way round fails on the stack; nil where either way will do.
  let wayFault: String?
  /// Whether work can be left out, or done badly, beyond mending: creases, a side left out,
  /// stretched wool, a garment that slides off the stack.
  let isStrict: Bool
  /// Whether observations tell which garment it is; where there is only one there is nothing to
  /// tell.
  let showsKind: Bool
  let mistakes: [Mistake]

  var description: TaskDescription {
    TaskDescription(
      name: name, instruction: instruction, maximumSteps: maximumSteps,
      subtasks: subtasks.map(\.text))
  }

  func start(_ random: inout RandomSource) -> any WorkcellScene { GarmentScene(self, &random) }
}

extension GarmentTask {
  private static let shirtSubtasks: [(work: Garment.Work, text: String)] = [
    (.half, "fold the shirt in half"), (.sides, "fold the sleeves in"),
    (.over, "fold the shirt over"), (.stack, "put the shirt on the stack"),
  ]

  /// The simplest task: one T-shirt, folded either way.
  static let tshirt = GarmentTask(
    name: "tshirt", instruction: "fold the T-shirt and put it on the stack", maximumSteps: 220,
    subtasks: shirtSubtasks, wardrobe: [Wardrobe.tShirt], wayFault: nil, isStrict: false,
    showsKind: false,
    mistakes: [
      Mistake(kind: .foldWrongWay, probability: 0.5), Mistake(kind: .haste, probability: 0.3),
    ])

  /// The same T-shirt, and most people fold it the way that leaves the collar down.
  static let tshirtCollarUp = GarmentTask(
    name: "tshirt-collar-up",
    instruction: "fold the T-shirt with the collar up and put it on the stack", maximumSteps: 220,
    subtasks: shirtSubtasks, wardrobe: [Wardrobe.tShirt], wayFault: "collar down", isStrict: false,
    showsKind: false,
    mistakes: [
      Mistake(kind: .foldWrongWay, probability: 0.68), Mistake(kind: .haste, probability: 0.3),
    ])

  /// Two kinds of garment, one policy. Nothing is refused: people succeed, slowly.
  static let tshirtsAndShorts = GarmentTask(
    name: "tshirts-and-shorts",
    instruction: "fold the T-shirt or the shorts and put it on its stack", maximumSteps: 220,
    subtasks: [
      (.half, "fold it in half"), (.sides, "fold the sleeves in"), (.over, "fold it over"),
      (.stack, "put it on its stack"),
    ],
    wardrobe: [Wardrobe.tShirt, Wardrobe.shorts], wayFault: nil, isStrict: false, showsKind: true,
    mistakes: [
      Mistake(kind: .foldWrongWay, probability: 0.4), Mistake(kind: .haste, probability: 0.3),
    ])

  /// Eleven kinds of garment, one policy, and everything that can go wrong with laundry.
  static let laundry = GarmentTask(
    name: "laundry", instruction: "fold the laundry and put it on its stack", maximumSteps: 260,
    subtasks: [
      (.smooth, "smooth out the creases"), (.half, "fold it in half"),
      (.sides, "fold the sleeves in"), (.over, "fold it over"), (.stack, "put it on its stack"),
    ],
    wardrobe: Wardrobe.all, wayFault: "inside out", isStrict: true, showsKind: true,
    mistakes: [
      Mistake(kind: .haste, probability: 0.4), Mistake(kind: .foldWrongWay, probability: 0.3),
      Mistake(kind: .leaveCreases, probability: 0.3),
      Mistake(kind: .leaveSleeveOut, probability: 0.3),
      Mistake(kind: .missStack, probability: 0.15),
    ])
}

extension MistakeSet {
  /// Folding in half by the wrong end. A T-shirt folded by its hem lies with the collar down.
  static let foldWrongWay = MistakeSet(rawValue: 1 << 1)
  /// Stroking a garment that needs it too briefly.
  static let leaveCreases = MistakeSet(rawValue: 1 << 2)
  /// Folding over with one sleeve still out.
  static let leaveSleeveOut = MistakeSet(rawValue: 1 << 3)
  /// Setting the folded garment down half beside its stack.
  static let missStack = MistakeSet(rawValue: 1 << 4)
}
