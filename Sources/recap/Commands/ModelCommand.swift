import ArgumentParser
import Configuration
import Foundation
import Policies

/// `recap model`
struct ModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "What models are made of.",
    subcommands: [DescribeModel.self])
}

/// `recap model describe`
struct DescribeModel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Counts the weights of a file of models, and estimates memory and arithmetic.",
    discussion: """
      Nothing is built, so that models far larger than this machine can be counted too. The \
      file's 'reference' section says for which robot; --set changes it or any other setting.

        recap model describe Configs/models/tiny.yaml
        recap model describe Configs/models/pi06.yaml --set reference.cameras=4

      Operations are the multiplications and additions of matrix products that are computed: rows \
      that nobody reads are left out. Memory is for 32-bit numbers, training with AdamW, averaged \
      weights and two threads. A batch is worked on a few samples at a time, so activations count \
      for the samples in hand, not for the whole batch. A run's own tokenizers make fewer tokens: \
      they learn its prompts whole.
      """)

  @Argument(help: "A file of models, such as Configs/models/tiny.yaml.")
  var file: String

  @OptionGroup var overrides: OverrideArguments

  @Flag(help: "Print JSON: an array with the policy and the value function.")
  var json = false

  func run() throws {
    let models = try ModelFile.load(file: file, overrides: overrides.texts)
    let descriptions = [
      try named("policy") { () throws(PolicyError) in
        try ModelDescription(models.policy, for: models.reference)
      },
      try named("value") { () throws(PolicyError) in
        try ModelDescription(models.value, for: models.reference)
      },
    ]
    guard !json else {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      return print(String(decoding: try encoder.encode(descriptions), as: UTF8.self))
    }
    print(descriptions.map(text).joined(separator: "\n\n"))
  }

  /// Says of which of the file's two models an error is.
  private func named(
    _ model: String, _ body: () throws(PolicyError) -> ModelDescription
  ) throws -> ModelDescription {
    do {
      return try body()
    } catch {
      throw ImpossibleModel(file: file, model: model, reason: error)
    }
  }

  private func text(_ model: ModelDescription) -> String {
    var table = TextTable([("", .left), ("", .right)])
    for part in model.parts { table.add(["  " + part.name, Self.scaled(part.parameters)]) }
    table.add(["weights", Self.scaled(model.parameters)])
    let tokens = model.tokens
    table.add(["tokens of an observation", "\(tokens.observation)"])
    if tokens.actions > 0 {
      table.add(["tokens that are written", "\(tokens.written)"])
      table.add(["tokens of the action expert", "\(tokens.actions)"])
    }
    let operations = model.operations
    let isPolicy = operations.guidedInference != nil
    table.add(["training, operations a sample", Self.scaled(operations.training)])
    table.add([
      isPolicy ? "a chunk, operations" : "a value, operations", Self.scaled(operations.inference),
    ])
    if let guided = operations.guidedInference {
      table.add(["a chunk with guidance, operations", Self.scaled(guided)])
    }
    table.add(["memory of the weights", Self.bytes(model.memory.weights)])
    table.add(["memory of training", Self.bytes(model.memory.training)])
    table.add([
      "  and for each sample in hand", Self.bytes(model.memory.activationsPerSample),
    ])
    return "\(model.model)\n\(table.text)"
  }

  /// Three digits and a unit, as in "1.95 M".
  static func scaled(_ number: some BinaryFloatingPoint) -> String {
    let units = ["", " k", " M", " G", " T", " P"]
    var value = Double(number)
    var unit = 0
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
    return String(format: "%.\(digits)f", value) + units[unit]
  }

  static func scaled(_ number: Int) -> String { scaled(Double(number)) }

  static func bytes(_ count: Int) -> String {
    let text = scaled(count)
    return text.last?.isLetter == true ? text + "B" : text + " B"
  }
}

/// Settings that are valid one by one and make no model together.
struct ImpossibleModel: Error, CustomStringConvertible {
  var file: String
  /// "policy" or "value".
  var model: String
  var reason: PolicyError

  var description: String { "\(file): \(model): \(reason)" }
}
