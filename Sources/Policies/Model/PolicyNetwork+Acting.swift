import Networks
import RecapAlgorithm
import Tensors

/// Acting in passes, each of which keeps what the next ones need: the observation's keys and values,
/// the subtask, the text's keys and values, then the flow.
extension PolicyNetwork {
  /// The observation as the backbone has read it, kept for the rest of a sampling pass.
  struct Prefix {
    var batch: ObservationBatch
    var keyValues: [KeyValue]
  }

  /// Reads the observations, once.
  func prefix(_ tape: Tape, _ batch: ObservationBatch) -> Prefix {
    let observed = range(.observation)
    let (_, keyValues) = backbone(
      tape, tape.concatenate(encoder(tape, batch)), tokens: observed, of: layout,
      outputs: observed.upperBound..<observed.upperBound,
      padding: batch.padding(shape).flatMap { $0 })
    return Prefix(batch: batch, keyValues: keyValues)
  }

  /// Writes each sample's subtask greedily, token by token, among given texts.
  ///
  /// - Parameter choices: By sample, the texts as tokens, at least one.
  /// - Returns: By sample, the place of the text among its choices.
  func subtasks(_ tape: Tape, _ prefix: Prefix, choices: [[[Int32]]]) -> [Int] {
    guard let subtaskHead else { preconditionFailure("no task has subtasks") }
    let first = range(.subtask).lowerBound
    var search = TextSearch(choices, begin: shape.none, end: shape.pad)
    var past = prefix.keyValues
    let observation = prefix.batch.padding(shape)
    while let tokens = search.nextInputs {
      let place = first + search.length
      let (states, own) = backbone(
        tape, encoder.embed(tape, tokens, samples: prefix.batch.count), tokens: place..<place + 1,
        of: layout, past: past, outputs: place..<place + 1,
        padding: observation.flatMap {
          $0 + Array(repeating: false, count: search.length + 1)
        })
      guard let states else { preconditionFailure("one token was asked for") }
      search.choose(logits: tape.value(subtaskHead(tape, states)))
      past = zip(past, own).map { $0.appending($1, on: tape) }
    }
    return search.results
  }

  /// A prefix with the text behind it: all that the expert needs.
  struct Conditioning {
    var keyValues: [KeyValue]
    var state: Variable
    var padding: [Bool]?
    var count: Int
  }

  /// Reads subtask and indicator behind a prefix.
  ///
  /// - Parameters:
  ///   - subtasks: [B, S]
  ///   - indicators: [B, I] once, or several times one after the other to read every sample with
  ///     each of several indicators.
  func conditioning(
    _ tape: Tape, _ prefix: Prefix, subtasks: [Int32], indicators: [[Int32]]
  ) -> Conditioning {
    let batch = prefix.batch.repeated(indicators.count)
    let keyValues =
      indicators.count == 1
      ? prefix.keyValues : prefix.keyValues.map { $0.repeated(indicators.count, on: tape) }
    let subtaskTokens = Array(indicators.map { _ in subtasks }.joined())
    let indicatorTokens = Array(indicators.joined())
    let padding = padding(batch, subtasks: subtaskTokens, indicators: indicatorTokens)
      .map { $0.flatMap { $0 } }
    let begin = tape.embedding(
      table: actionTable, ids: Array(repeating: FASTTokenizer.begin, count: batch.count),
      shape: [batch.count, 1])
    let blocks =
      textBlocks(
        tape, subtasks: subtaskTokens, indicators: indicatorTokens, samples: batch.count) + [begin]
    let (_, own) = backbone(
      tape, tape.concatenate(blocks), tokens: range(.subtask).lowerBound..<visible.upperBound,
      of: layout, past: keyValues, outputs: visible.upperBound..<visible.upperBound,
      padding: padding)
    return Conditioning(
      keyValues: zip(keyValues, own).map { $0.appending($1, on: tape) },
      state: state(tape, batch), padding: padding, count: batch.count)
  }

  /// The velocity at x_η for every sample of a conditioning.
  ///
  /// - Parameters:
  ///   - noised: x_η, [B, H, A].
  ///   - time: η
  /// - Returns: [B, H, A]
  func velocity(
    _ tape: Tape, _ conditioning: Conditioning, noised: [Float], time: Float
  ) -> [Float] {
    let shape = [conditioning.count, settings.chunkLength, shape.action]
    return tape.value(
      velocity(
        tape, noised: tape.constant(shape, noised), state: conditioning.state,
        times: Array(repeating: time, count: conditioning.count),
        backbone: conditioning.keyValues, padding: conditioning.padding))
  }

  /// Follows the flow from noise to normalised actions.
  ///
  /// - Parameters:
  ///   - noise: [B, H, A]
  ///   - guidance: β by sample where the conditioning holds all samples with the indicator, then
  ///     all without; nil where it holds them once.
  func integrated(
    _ tape: Tape, _ conditioning: Conditioning, from noise: [Float], guidance: [Float]?
  ) -> [Float] {
    var x = noise
    for step in 0..<settings.eulerSteps {
      let field = velocity(
        tape, conditioning, noised: guidance == nil ? x : x + x,
        time: Float(step) / Float(settings.eulerSteps))
      let velocity = guidance.map { combined(field, $0) } ?? field
      for index in x.indices { x[index] += velocity[index] / Float(settings.eulerSteps) }
    }
    return x
  }

  /// The guided field of each sample, from the conditional fields followed by the unconditional
  /// ones.
  private func combined(_ field: [Float], _ guidance: [Float]) -> [Float] {
    let size = field.count / (2 * guidance.count)
    return guidance.enumerated().flatMap { sample, scale in
      let other = guidance.count + sample
      return Guidance.combine(
        conditional: field[sample * size..<(sample + 1) * size],
        unconditional: field[other * size..<(other + 1) * size], scale: scale)
    }
  }
}
