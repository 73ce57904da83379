/// What a policy or value function cannot work with.
public enum PolicyError: Error, Equatable, CustomStringConvertible {
  /// A setting is out of range or contradicts another.
  case settings(String)
  /// A tokenizer file that is not a byte-level BPE tokenizer.
  case tokenizer(String)
  /// An action tokenizer, or tokens of actions, that cannot be used.
  case actionTokenizer(String)
  /// A text that needs more tokens than the model has room for.
  case textTooLong(String, tokens: Int, room: Int)
  /// A task that the model was not made for.
  case unknownTask(String, instruction: String, known: [String])
  /// A subtask index outside its task's list.
  case unknownSubtask(index: Int, task: String, known: [String])
  /// A column of an observation or dataset has another width than the model's embodiment.
  case width(column: String, expected: Int, actual: Int)
  /// A column of an observation holds NaN or ∞.
  case notFinite(column: String)
  /// A dataset that cannot be trained on.
  case examples(String)
  /// The loss or its gradient left the numbers at this step, counted from 0.
  case diverged(step: Int)
  /// A checkpoint file is missing or says something else than expected.
  case checkpoint(file: String, reason: String)

  public var description: String {
    switch self {
    case .settings(let reason): "model settings: \(reason)"
    case .tokenizer(let reason): "tokenizer.json: \(reason)"
    case .actionTokenizer(let reason): "action tokenizer: \(reason)"
    case .textTooLong(let text, let tokens, let room):
      "the text '\(text)' takes \(tokens) tokens; the model has room for \(room)"
    case .unknownTask(let task, let instruction, let known):
      "the model does not know the task '\(task)' with the instruction '\(instruction)'; it knows "
        + known.joined(separator: ", ")
    case .unknownSubtask(let index, let task, let known):
      "subtask \(index) of the task '\(task)' does not exist; the model knows "
        + (known.isEmpty ? "none" : known.joined(separator: ", "))
    case .width(let column, let expected, let actual):
      "\(column): the model expects \(expected) values, got \(actual)"
    case .notFinite(let column): "\(column) holds a value that is not finite"
    case .examples(let reason): "training examples: \(reason)"
    case .diverged(let step):
      "training diverged at step \(step): the loss or its gradient is not finite; a lower learning "
        + "rate may help"
    case .checkpoint(let file, let reason): "checkpoint file \(file): \(reason)"
    }
  }
}
