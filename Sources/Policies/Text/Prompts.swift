import Episodes
import RecapAlgorithm

/// Every text that a model reads, as tokens in slots of fixed length.
///
/// A slot is as long as the longest of its texts; shorter ones are padded, and padding is never
/// attended to. An indicator that is left out is the token `<none>`, which learns a meaning of its
/// own. The subtask is written by the policy itself: its slot begins with `<none>`, and each place
/// predicts the next token, the last one padding.
struct Prompts: Sendable {
  /// The largest vocabulary of a tokenizer that is trained on captions too.
  private static let captionVocabulary = 2048

  let tokenizer: BytePairTokenizer
  /// The tasks that the model knows.
  let tasks: [TaskDescription]
  /// The subtask texts of all tasks, each once.
  let subtaskTexts: [String]
  /// [tasks][slot length]
  let taskTokens: [[Int32]]
  /// Each subtask's tokens, without beginning and padding.
  let subtaskTokens: [[Int32]]
  /// Places of a subtask: its beginning and its tokens. None where no task has subtasks.
  let subtaskSlots: Int
  private let indicatorTokens: [AdvantageIndicator: [Int32]]
  private let taskIndices: [String: Int]
  private let subtaskIndices: [String: Int]

  /// Slot lengths in tokens.
  var taskSlots: Int { taskTokens.first?.count ?? 0 }
  var indicatorSlots: Int { indicator(.absent).count }

  /// - Parameters:
  ///   - tasks: At least one, of different names.
  ///   - tokenizer: nil to train one on these prompts, and on the captions.
  ///   - captions: Other texts that are to be written.
  /// - Throws: `PolicyError.settings` for no task, a name that comes twice or an instruction
  ///   without text.
  init(
    tasks: [TaskDescription], tokenizer: BytePairTokenizer? = nil, captions: [String] = []
  ) throws(PolicyError) {
    guard !tasks.isEmpty else { throw .settings("a model needs at least one task") }
    var taskIndices: [String: Int] = [:]
    var subtaskIndices: [String: Int] = [:]
    var subtaskTexts: [String] = []
    for (index, task) in tasks.enumerated() {
      guard taskIndices.updateValue(index, forKey: task.name) == nil else {
        throw .settings("the task '\(task.name)' is given twice")
      }
      guard !task.instruction.isEmpty, !task.subtasks.contains("") else {
        throw .settings("the task '\(task.name)' has an instruction or subtask without text")
      }
      for text in task.subtasks where subtaskIndices[text] == nil {
        subtaskIndices[text] = subtaskTexts.count
        subtaskTexts.append(text)
      }
    }
    let texts = tasks.map(\.instruction) + subtaskTexts + AdvantageIndicator.allCases.map(\.text)
    let tokenizer =
      tokenizer
      ?? (captions.isEmpty
        ? .trained(on: texts)
        : .trained(
          on: texts + captions, vocabularyLimit: Self.captionVocabulary, splitsWords: true))
    self.tokenizer = tokenizer
    self.tasks = tasks
    self.subtaskTexts = subtaskTexts
    self.taskIndices = taskIndices
    self.subtaskIndices = subtaskIndices
    taskTokens = Self.padded(tasks.map { tokenizer.encode($0.instruction) }, with: tokenizer.pad)
    subtaskTokens = subtaskTexts.map { tokenizer.encode($0) }
    subtaskSlots = subtaskTokens.map { $0.count + 1 }.max() ?? 0
    let indicators = AdvantageIndicator.allCases
    let indicatorSlots = Self.padded(
      indicators.map { $0 == .absent ? [tokenizer.none] : tokenizer.encode($0.text) },
      with: tokenizer.pad)
    indicatorTokens = Dictionary(uniqueKeysWithValues: zip(indicators, indicatorSlots))
  }

  /// An indicator's tokens, [indicatorSlots].
  func indicator(_ indicator: AdvantageIndicator) -> [Int32] { indicatorTokens[indicator] ?? [] }

  /// What stands in the subtask's places, [subtaskSlots].
  ///
  /// - Parameter index: Into `subtaskTexts`, or −1 where it is not known.
  func subtask(_ index: Int) -> [Int32] {
    guard subtaskSlots > 0 else { return [] }
    let tokens = [tokenizer.none] + (index < 0 ? [] : subtaskTokens[index])
    return tokens + Array(repeating: tokenizer.pad, count: subtaskSlots - tokens.count)
  }

  /// The token that each of the subtask's places is to predict, [subtaskSlots]; −1 for nothing.
  ///
  /// - Parameter index: Into `subtaskTexts`, or −1 where it is not known.
  func subtaskTargets(_ index: Int) -> [Int32] {
    guard index >= 0 else { return Array(repeating: -1, count: subtaskSlots) }
    let targets = subtaskTokens[index] + [tokenizer.pad]
    return targets + Array(repeating: -1, count: subtaskSlots - targets.count)
  }

  /// The place of a task among those that the model knows.
  ///
  /// - Throws: `PolicyError.unknownTask` unless its name and its instruction are known.
  func index(of task: TaskDescription) throws(PolicyError) -> Int {
    guard let index = taskIndices[task.name], tasks[index].instruction == task.instruction else {
      throw .unknownTask(task.name, instruction: task.instruction, known: tasks.map(\.name))
    }
    return index
  }

  /// Where each of a task's subtasks stands in `subtaskTexts`.
  ///
  /// - Throws: `PolicyError.unknownSubtask` for a text that the model does not know.
  func subtaskIndices(of task: TaskDescription) throws(PolicyError) -> [Int] {
    var indices: [Int] = []
    for (index, text) in task.subtasks.enumerated() {
      guard let known = subtaskIndices[text] else {
        throw .unknownSubtask(index: index, task: task.name, known: subtaskTexts)
      }
      indices.append(known)
    }
    return indices
  }

  private static func padded(_ texts: [[Int32]], with pad: Int32) -> [[Int32]] {
    let length = texts.map(\.count).max() ?? 0
    return texts.map { $0 + Array(repeating: pad, count: length - $0.count) }
  }
}
