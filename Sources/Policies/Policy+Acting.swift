import Episodes
import RecapAlgorithm
import Tensors

extension Policy {
  /// Samples a chunk of actions for each request, all in one batch (two where some requests are
  /// guided and some are not).
  ///
  /// - Parameter requests: Of any of the policy's tasks; each is answered as if it were alone, up
  ///   to rounding.
  /// - Returns: One chunk of `chunkLength` actions a request, in order, in the robot's own units.
  /// - Throws: `PolicyError` for an unknown task, a column of the wrong width, or a value that is
  ///   not finite.
  public func chunks(for requests: [PolicyRequest]) throws -> [ActionChunk] {
    for request in requests where !request.guidance.isFinite || request.guidance < 0 {
      throw PolicyError.settings("guidance is \(request.guidance); it must be at least 0")
    }
    let isGuided = requests.map {
      Guidance.needsUnconditional($0.guidance) && $0.indicator != .absent
    }
    var chunks: [ActionChunk?] = requests.map { _ in nil }
    for guided in [false, true] {
      let places = requests.indices.filter { isGuided[$0] == guided }
      guard !places.isEmpty else { continue }
      let answers = try sample(places.map { requests[$0] }, guided: guided)
      for (place, answer) in zip(places, answers) { chunks[place] = answer }
    }
    return chunks.compactMap { $0 }
  }

  /// The subtask that the policy would pursue for each request; nil for a task without subtasks.
  ///
  /// - Throws: As `chunks(for:)`.
  public func subtasks(for requests: [PolicyRequest]) throws -> [String?] {
    guard !requests.isEmpty else { return [] }
    let texts = network.inputs.prompts.subtaskTexts
    return try chosenSubtasks(requests, read(requests)).map { $0 < 0 ? nil : texts[$0] }
  }

  /// Starts an inference pass and reads the observations.
  func read(_ requests: [PolicyRequest]) throws -> PolicyNetwork.Prefix {
    let batch = try network.inputs.batch(of: requests.map { ($0.observation, $0.task) })
    tape.reset(recording: false)
    return network.prefix(tape, batch)
  }

  /// The likeliest of each task's own subtasks, as indices into the known texts; −1 where it has
  /// none.
  private func chosenSubtasks(
    _ requests: [PolicyRequest], _ prefix: PolicyNetwork.Prefix
  ) throws -> [Int] {
    let prompts = network.inputs.prompts
    let classes = prompts.subtaskTexts.count
    return try requests.enumerated().map { sample, request in
      let own = try prompts.subtaskIndices(of: request.task)
      return own.max { a, b in
        prefix.subtaskLogits[sample * classes + a] < prefix.subtaskLogits[sample * classes + b]
      } ?? -1
    }
  }

  private func sample(_ requests: [PolicyRequest], guided: Bool) throws -> [ActionChunk] {
    let prompts = network.inputs.prompts
    let prefix = try read(requests)
    let subtasks = try chosenSubtasks(requests, prefix)
    let conditional = requests.flatMap { prompts.indicator($0.indicator) }
    let unconditional = requests.flatMap { _ in prompts.indicator(.absent) }
    let conditioning = network.conditioning(
      tape, prefix, subtasks: subtasks.flatMap { prompts.subtask($0) },
      indicators: guided ? [conditional, unconditional] : [conditional])
    let size = settings.chunkLength * embodiment.actionWidth
    var x: [Float] = []
    for request in requests {
      var random = RandomSource(seed: request.seed, stream: "policy noise")
      x += random.normals(size)
    }
    for step in 0..<settings.eulerSteps {
      let field = network.velocity(
        tape, conditioning, noised: guided ? x + x : x,
        time: Float(step) / Float(settings.eulerSteps))
      let velocity = guided ? combined(field, requests, size) : field
      for index in x.indices { x[index] += velocity[index] / Float(settings.eulerSteps) }
    }
    return requests.indices.map { sample in
      ActionChunk(
        values: actionScaler.restored(x[sample * size..<(sample + 1) * size]),
        width: embodiment.actionWidth)
    }
  }

  /// The guided field of each request, from the conditional fields followed by the unconditional
  /// ones.
  private func combined(_ field: [Float], _ requests: [PolicyRequest], _ size: Int) -> [Float] {
    requests.enumerated().flatMap { sample, request in
      let other = requests.count + sample
      return Guidance.combine(
        conditional: field[sample * size..<(sample + 1) * size],
        unconditional: field[other * size..<(other + 1) * size], scale: request.guidance)
    }
  }
}
