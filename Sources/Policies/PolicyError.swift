/// What a policy or value function cannot work with.
public enum PolicyError: Error, Equatable, CustomStringConvertible {
  /// A setting is out of range or contradicts another.
  case settings(String)
  /// A tokenizer file that is not a byte-level BPE tokenizer.
  case tokenizer(String)
  /// An action tokenizer, or tokens of actions, that cannot be used.
  case actionTokenizer(String)
  /// A task that the model was not made for.
  case unknownTask(String, instruction: String, known: [String])
  /// A subtask index outside its task's list.
  case unknownSubtask(index: Int, task: String, known: [String])
  /// A subtask's text that its task does not name.
  case unknownSubtaskText(String, task: String, known: [String])
  /// A column of an observation or dataset has another width than the model's embodiment.
  case width(column: String, expected: Int, actual: Int)
  /// A column of an observation holds NaN or ∞.
  case notFinite(column: String)
  /// A dataset that cannot be trained on.
  case examples(String)
  /// Images with captions that cannot be read or trained on.
  case imageTextPairs(String)
  /// The loss or its gradient left the numbers at this step, counted from 0.
  case diverged(step: Int)
  /// The saved state of a training that cannot be continued.
  case trainingState(String)
  /// A checkpoint file is missing or says something else than expected.
  case checkpoint(file: String, reason: String)

  public var description: String {
    switch self {
    case .settings(let reason): "model settings: \(reason)"
    case .tokenizer(let reason): "tokenizer.json: \(reason)"
    case .actionTokenizer(let reason): "action tokenizer: \(reason)"
    case .unknownTask(let task, let instruction, let known):
      "the model does not know the task '\(task)' with the instruction '\(instruction)'; it knows "
        + known.joined(separator: ", ")
    case .unknownSubtask(let index, let task, let known):
      "subtask \(index) of the task '\(task)' does not exist; the model knows "
        + (known.isEmpty ? "none" : known.joined(separator: ", "))
    case .unknownSubtaskText(let text, let task, let known):
      "the task '\(task)' has no subtask '\(text)'; it has "
        + (known.isEmpty ? "none" : known.joined(separator: ", "))
    case .width(let column, let expected, let actual):
      "\(column): the model expects \(expected) values, got \(actual)"
    case .notFinite(let column): "\(column) holds a value that is not finite"
    case .examples(let reason): "training examples: \(reason)"
    case .imageTextPairs(let reason): "image–text pairs: \(reason)"
    case .diverged(let step):
      "training diverged at step \(step): the loss or its gradient is not finite; a lower learning "
        + "rate may help"
    case .trainingState(let reason): "saved training state: \(reason)"
    case .checkpoint(let file, let reason): "checkpoint file \(file): \(reason)"
    }
  }
}
