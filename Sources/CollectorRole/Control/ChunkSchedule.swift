import Episodes
import RoleRuntime

/// When the policy is asked, what the robot executes meanwhile, and when it is told to hold: decisions apart from robot,
/// policy and clock. Times are durations since any fixed moment.
///
/// Where inference overlaps execution, steps are counted through the episode. A chunk that was asked for at step s holds
/// the actions of steps s, s + 1, …; when it takes over at step t, its first t − s are past and left out.
///
/// ```
/// present chunk   ├───────── executed ─────────┼─ kept for a late answer ─┤
///                           ▲ ask              ▲ change over
/// next chunk                ├─── left out ─────┼──────── executed ────────┤
/// ```
///
/// The policy is asked as many steps before the change-over as the slowest of its last answers took, and one more. A
/// chunk is late when the present one has nothing left: then the last action is repeated, and after the watchdog's time
/// the robot is told to hold.
struct ChunkSchedule: Sendable {
  /// What to do next.
  enum Move: Equatable {
    /// Ask the policy from what is sensed now; its answer goes to `answered`. Then come back.
    case ask(question: Int)
    /// Have the robot execute the first `steps` actions of a chunk.
    case execute(ActionChunk, steps: Int)
    /// Tell the robot to hold, and sense anew.
    case hold
    /// Let the robot stand until there is an answer, or so long; nil for as long as it takes.
    case wait(Duration?)
  }

  /// A chunk under execution.
  private struct Present {
    let chunk: ActionChunk
    /// The step of its first action.
    let start: Int
    /// The step at which the next is to take over.
    let changeOver: Int

    var end: Int { start + chunk.count }

    /// Executes so many steps of what is left at a step.
    func move(at step: Int, steps: Int) -> Move {
      .execute(chunk.dropping(step - start), steps: steps)
    }
  }

  private struct Question {
    let number: Int
    let step: Int
    let time: Duration
  }

  private let terms: ControlTerms
  private let executedActions: Int?
  private let controlRate: Double
  private var counts = ControlCounts()
  /// Steps executed so far.
  private var step = 0
  private var present: Present?
  /// What was asked and not answered yet.
  private var question: Question?
  /// What was answered and not taken over yet, and the step that it begins at.
  private var next: (chunk: ActionChunk, start: Int)?
  /// What the robot executed last.
  private(set) var lastAction: [Float]?
  /// Since when there is no action of the policy.
  private var idleSince: Duration?
  private var isHolding = false
  /// What was sensed last is from before the robot was told to hold.
  private var mustSense = false
  private var questions = 0
  private var answerTimes: [Duration] = []
  private static let rememberedAnswers = 10

  /// - Parameters:
  ///   - executedActions: Actions of a chunk until the next takes over; nil for all.
  ///   - controlRate: Steps a second.
  init(_ terms: ControlTerms, executedActions: Int?, controlRate: Double) {
    self.terms = terms
    self.executedActions = executedActions
    self.controlRate = controlRate
  }

  /// What was counted since the last call.
  mutating func takeCounts() -> ControlCounts {
    defer { counts = ControlCounts() }
    return counts
  }

  // MARK: What happened

  /// The policy has answered.
  ///
  /// - Returns: Whether the answer is of use; not after a person took over, nor where the robot moved when the policy was
  ///   asked and had to be told to hold since.
  mutating func answered(_ chunk: ActionChunk, to number: Int, at now: Duration) -> Bool {
    guard let question, question.number == number else { return false }
    self.question = nil
    answerTimes = (answerTimes + [now - question.time]).suffix(Self.rememberedAnswers)
    if isHolding, question.step < step {
      mustSense = true
      return false
    }
    next = (chunk, question.step)
    return true
  }

  /// The robot has executed what it was told to.
  ///
  /// - Parameter steps: What it really did.
  mutating func executed(_ steps: [[Float]]) {
    step += steps.count
    lastAction = steps.last ?? lastAction
  }

  /// A person acts, or did: what the policy wanted was meant for another state.
  mutating func interrupted() {
    (present, question, next, idleSince) = (nil, nil, nil, nil)
    (isHolding, mustSense) = (false, false)
  }

  // MARK: What to do

  /// To be asked whenever the robot has done what it was told to, and after each answer while it stands.
  ///
  /// - Parameter stepsLeft: Until the episode's time limit: for what comes after it the policy need not be asked.
  mutating func next(at now: Duration, stepsLeft: Int) -> Move {
    if let next { changeOver(to: next.chunk, from: next.start) }
    guard let present, terms.overlapsInference || step < present.changeOver else {
      present = nil
      return atRest(now)
    }
    guard terms.overlapsInference, step + stepsLeft > present.end else {
      let end = terms.overlapsInference ? present.end : present.changeOver
      return present.move(at: step, steps: end - step)
    }
    guard question != nil else {
      let due = present.changeOver - lead
      return step < due ? present.move(at: step, steps: due - step) : ask(now)
    }
    if step < present.changeOver {
      return present.move(at: step, steps: present.changeOver - step)
    }
    // Overdue: each single step may be the last before the answer.
    return step < present.end ? present.move(at: step, steps: 1) : ranOut(now)
  }

  private mutating func ask(_ now: Duration) -> Move {
    questions += 1
    question = Question(number: questions, step: step, time: now)
    return .ask(question: questions)
  }

  /// How many steps before a change-over the policy is asked.
  private var lead: Int {
    let longest = (answerTimes.max() ?? .zero).inSeconds
    return Int((longest * controlRate).rounded(.up)) + 1
  }

  private mutating func changeOver(to chunk: ActionChunk, from start: Int) {
    next = nil
    let skipped = step - start
    guard skipped < chunk.count else {
      present = nil
      return
    }
    var chunk = chunk
    if skipped > 0, terms.crossfadeSteps > 0, let lastAction {
      let (step, old) = (step, present)
      let future = chunk.dropping(skipped).blended(over: terms.crossfadeSteps) { offset in
        guard let old, step + offset < old.end else { return lastAction }
        return Array(old.chunk[step + offset - old.start])
      }
      chunk.values.replaceSubrange((skipped * chunk.width)..., with: future.values)
    }
    present = Present(
      chunk: chunk, start: start,
      changeOver: min(step + (executedActions ?? chunk.count), start + chunk.count))
    counts.chunks += 1
    (idleSince, isHolding, mustSense) = (nil, false, false)
  }

  /// The robot stands: at the beginning, after a person, after it was told to hold, and between chunks that do not
  /// overlap.
  private mutating func atRest(_ now: Duration) -> Move {
    let since = idleSince ?? now
    idleSince = since
    guard question != nil else {
      guard mustSense else { return ask(now) }
      mustSense = false
      return .hold
    }
    guard let watchdog = terms.watchdog, !isHolding else { return .wait(nil) }
    let left = watchdog - (now - since)
    return left > .zero ? .wait(left) : hold()
  }

  /// The present chunk has nothing left, and there is no other.
  private mutating func ranOut(_ now: Duration) -> Move {
    if idleSince == nil { counts.lateChunks += 1 }
    let since = idleSince ?? now
    idleSince = since
    if let watchdog = terms.watchdog, now - since >= watchdog {
      present = nil
      return hold()
    }
    guard let lastAction else { return .wait(nil) }
    return .execute(ActionChunk(action: lastAction), steps: 1)
  }

  private mutating func hold() -> Move {
    isHolding = true
    counts.holds += 1
    return .hold
  }
}
