import Foundation
import Networks
import Tensors

/// The first tokens of both networks: camera patches, text, state.
struct ReferenceEncoder: Sendable {
  let patch: Linear
  let patchPosition: Parameter
  let text: Parameter
  let state: Linear

  init(_ store: ParameterStore, width: Int) {
    typealias Batch = ReferenceBatch
    patch = Linear(store, "patch", inputs: Batch.patchWidth, outputs: width)
    patchPosition = store.add("patch_position", [Batch.patches, width], .zeros)
    text = store.add("text", [Batch.vocabulary, width], .zeros)
    state = Linear(store, "state", inputs: Batch.stateWidth, outputs: width)
  }

  /// [samples, 32, d], [samples, 24, d] and [samples, 1, d].
  func callAsFunction(_ tape: Tape, _ batch: ReferenceBatch, _ samples: Range<Int>) -> [Variable] {
    typealias Batch = ReferenceBatch
    let pixels = tape.imagePatches(
      batch.images.samples(
        samples, width: batch.images.count / batch.count), samples: samples.count,
      cameras: Batch.cameras, height: Batch.imageSize, width: Batch.imageSize,
      patch: Batch.patchSize)
    return [
      tape.add(patch(tape, pixels), broadcasting: tape.parameter(patchPosition)),
      tape.embedding(
        table: text, ids: batch.text.samples(samples, width: Batch.textTokens),
        shape: [samples.count, Batch.textTokens]),
      state(
        tape,
        tape.constant(
          [samples.count, 1, Batch.stateWidth],
          batch.state.samples(samples, width: Batch.stateWidth))),
    ]
  }
}

/// A backbone that learns discretised actions, and an action expert that reads its keys and values.
struct ReferencePolicy: Sendable {
  typealias Batch = ReferenceBatch
  static let beginning: Int32 = 1

  let encoder: ReferenceEncoder
  let backbone: Transformer
  let vocabularyHead: Linear
  let actionIn: Linear
  let timeIn: Linear
  let timeOut: Linear
  let expert: Transformer
  let expertWidth: Int
  let actionOut: Linear
  let mask: AttentionMask
  let outputMask: AttentionMask

  init(_ store: ParameterStore, _ model: ReferenceModel) {
    guard let settings = model.expert else { preconditionFailure("\(model.name) is no policy") }
    let width = model.backbone.width
    encoder = ReferenceEncoder(store, width: width)
    backbone = Transformer(store, "backbone", model.backbone)
    vocabularyHead = Linear(
      store, "vocabulary_head", inputs: width, outputs: Batch.vocabulary, bias: false)
    actionIn = Linear(store, "action_in", inputs: Batch.actionWidth, outputs: settings.width)
    timeIn = Linear(store, "time_in", inputs: settings.width, outputs: settings.width)
    timeOut = Linear(store, "time_out", inputs: settings.width, outputs: settings.width)
    expert = Transformer(store, "expert", settings)
    expertWidth = settings.width
    actionOut = Linear(store, "action_out", inputs: settings.width, outputs: Batch.actionWidth)
    let tokens = Batch.prefix + Batch.fastTokens
    func mask(_ rows: Range<Int>) -> AttentionMask {
      AttentionMask(
        queries: rows.count, keys: tokens,
        visible: rows.flatMap { row in
          (0..<tokens).map { $0 < Batch.prefix || (row >= Batch.prefix && $0 <= row) }
        })
    }
    self.mask = mask(0..<tokens)
    outputMask = mask(Batch.prefix..<tokens)
  }

  /// The two losses of some samples as their share in the batch's, and their sum.
  func losses(
    _ tape: Tape, _ batch: ReferenceBatch, _ samples: Range<Int>
  ) -> (total: Variable, crossEntropy: Variable, squaredError: Variable) {
    let fast = batch.fast.samples(samples, width: Batch.fastTokens)
    let inputs = (0..<samples.count).flatMap { sample in
      [Self.beginning] + fast[sample * Batch.fastTokens..<(sample + 1) * Batch.fastTokens - 1]
    }
    let discrete = tape.embedding(
      table: encoder.text, ids: inputs, shape: [samples.count, Batch.fastTokens])
    let tokens = Batch.prefix + Batch.fastTokens
    let (states, keyValues) = backbone(
      tape, tape.concatenate(encoder(tape, batch, samples) + [discrete]),
      positions: (0..<tokens).map(Int32.init), outputs: Batch.prefix..<tokens, mask: mask,
      outputMask: outputMask)
    guard let states else { preconditionFailure("the discrete tokens are wanted") }
    let crossEntropy = tape.softmaxCrossEntropy(
      logits: vocabularyHead(tape, states), targets: fast,
      total: Float(batch.count * Batch.fastTokens))
    let width = Batch.chunkLength * Batch.actionWidth
    let actions = batch.actions.samples(samples, width: width)
    let noise = batch.noise.samples(samples, width: width)
    let times = Array(batch.times[samples])
    let shape = [samples.count, Batch.chunkLength, Batch.actionWidth]
    let noised = actions.indices.map { index in
      times[index / width] * actions[index] + (1 - times[index / width]) * noise[index]
    }
    let seen = keyValues.map {
      $0.stoppingGradient(on: tape).rows(0..<Batch.prefix, on: tape)
    }
    let velocity = velocity(
      tape, tape.constant(shape, noised), time: timeEmbedding(tape, times), seen: seen)
    let squaredError = tape.meanSquaredError(
      velocity, target: tape.constant(shape, zip(actions, noise).map(-)),
      total: Float(batch.count * width))
    return (
      tape.weightedSum([(crossEntropy, 1), (squaredError, 1)]), crossEntropy, squaredError
    )
  }

  /// time_out(silu(time_in(φ(τ)))): [times, e].
  func timeEmbedding(_ tape: Tape, _ times: [Float]) -> Variable {
    let half = expertWidth / 2
    let frequencies = (0..<half).map { index in
      Float(2 * Double.pi / (4e-3 * pow(1000, Double(index) / Double(half - 1))))
    }
    let phases = times.flatMap { time in
      frequencies.map { sin(time * $0) } + frequencies.map { cos(time * $0) }
    }
    return timeOut(
      tape, tape.silu(timeIn(tape, tape.constant([times.count, expertWidth], phases))))
  }

  /// The velocity at `noised` [B, H, A]; `time` is [B, e], or [1, e] for all.
  func velocity(
    _ tape: Tape, _ noised: Variable, time: Variable, seen: [KeyValue]
  ) -> Variable {
    let embedded = actionIn(tape, noised)
    let samples = tape.shape(embedded)[0]
    let x =
      tape.shape(time)[0] == samples
      ? tape.addPerSample(embedded, time)
      : tape.add(embedded, broadcasting: tape.reshape(time, [expertWidth]))
    let positions = (Batch.prefix..<Batch.prefix + Batch.chunkLength).map(Int32.init)
    let (states, _) = expert(
      tape, x, positions: positions, past: seen, outputs: 0..<Batch.chunkLength, mask: nil,
      outputMask: nil)
    guard let states else { preconditionFailure("all actions are wanted") }
    return actionOut(tape, states)
  }

  /// The keys and values of the observation's tokens, by layer.
  func prefix(_ tape: Tape, _ batch: ReferenceBatch, _ samples: Range<Int>) -> [KeyValue] {
    backbone(
      tape, tape.concatenate(encoder(tape, batch, samples)),
      positions: (0..<Batch.prefix).map(Int32.init), outputs: 0..<0, mask: nil, outputMask: nil
    ).keyValues
  }
}

/// The distribution of the return, read off a token of its own behind the observation.
struct ReferenceValueNetwork: Sendable {
  typealias Batch = ReferenceBatch

  let encoder: ReferenceEncoder
  let readout: Parameter
  let backbone: Transformer
  let head: Linear

  init(_ store: ParameterStore, _ model: ReferenceModel) {
    encoder = ReferenceEncoder(store, width: model.backbone.width)
    readout = store.add("readout", [1, model.backbone.width], .zeros)
    backbone = Transformer(store, "backbone", model.backbone)
    head = Linear(store, "head", inputs: model.backbone.width, outputs: Batch.bins)
  }

  /// [samples, 201]
  func logits(_ tape: Tape, _ batch: ReferenceBatch, _ samples: Range<Int>) -> Variable {
    let readouts = tape.embedding(
      table: readout, ids: Array(repeating: 0, count: samples.count), shape: [samples.count, 1])
    let (states, _) = backbone(
      tape, tape.concatenate(encoder(tape, batch, samples) + [readouts]),
      positions: (0...Batch.prefix).map(Int32.init), outputs: Batch.prefix..<Batch.prefix + 1,
      mask: nil, outputMask: nil)
    guard let states else { preconditionFailure("the read-out is wanted") }
    return tape.reshape(head(tape, states), [samples.count, Batch.bins])
  }

  /// Some samples' share in the batch's cross-entropy.
  func loss(_ tape: Tape, _ batch: ReferenceBatch, _ samples: Range<Int>) -> Variable {
    tape.softmaxCrossEntropy(
      logits: logits(tape, batch, samples), targets: Array(batch.returnBins[samples]),
      total: Float(batch.count))
  }
}
