import Episodes
import RecapAlgorithm
import Tensors

extension Policy {
  /// Samples a chunk of actions for each request, all in one batch (two where some requests are
  /// guided and some are not).
  ///
  /// - Parameter requests: Of any of the policy's tasks; each is answered as if it were alone, up
  ///   to rounding.
  /// - Returns: One answer a request, in order.
  /// - Throws: `PolicyError` for an unknown task or subtask, a column of the wrong width, or a value
  ///   that is not finite.
  public func answers(to requests: [PolicyRequest]) throws -> [PolicyAnswer] {
    for request in requests where !request.guidance.isFinite || request.guidance < 0 {
      throw PolicyError.settings("guidance is \(request.guidance); it must be at least 0")
    }
    let isGuided = requests.map {
      Guidance.needsUnconditional($0.guidance) && $0.indicator != .absent
    }
    var answers: [PolicyAnswer?] = requests.map { _ in nil }
    for guided in [false, true] {
      let places = requests.indices.filter { isGuided[$0] == guided }
      guard !places.isEmpty else { continue }
      let sampled = try sample(places.map { requests[$0] }, guided: guided)
      for (place, answer) in zip(places, sampled) { answers[place] = answer }
    }
    return answers.compactMap { $0 }
  }

  /// Starts an inference pass and reads the observations.
  private func read(_ requests: [PolicyRequest]) throws -> PolicyNetwork.Prefix {
    let batch = try inputs.batch(of: requests.map { ($0.observation, $0.task) })
    tape.reset(recording: false)
    return network.prefix(tape, batch)
  }

  /// Each request's subtask, given or chosen, as an index into the known texts; −1 where its task
  /// has none.
  private func subtasks(
    _ requests: [PolicyRequest], _ prefix: PolicyNetwork.Prefix
  ) throws -> [Int] {
    let prompts = inputs.prompts
    // A subtask that is given, or the only one, needs no choice.
    let choices = try requests.map { request in
      let own = try prompts.subtaskIndices(of: request.task)
      guard let given = request.subtask else { return own }
      guard let place = request.task.subtasks.firstIndex(of: given) else {
        throw PolicyError.unknownSubtaskText(
          given, task: request.task.name, known: request.task.subtasks)
      }
      return [own[place]]
    }
    guard choices.contains(where: { $0.count > 1 }) else { return choices.map { $0.first ?? -1 } }
    let chosen = network.subtasks(
      tape, prefix,
      choices: choices.map { $0.isEmpty ? [[]] : $0.map { prompts.subtaskTokens[$0] } })
    return zip(choices, chosen).map { $0.isEmpty ? -1 : $0[$1] }
  }

  private func sample(_ requests: [PolicyRequest], guided: Bool) throws -> [PolicyAnswer] {
    let prompts = inputs.prompts
    let prefix = try read(requests)
    let subtasks = try subtasks(requests, prefix)
    let conditional = requests.flatMap { prompts.indicator($0.indicator) }
    let unconditional = requests.flatMap { _ in prompts.indicator(.absent) }
    let conditioning = network.conditioning(
      tape, prefix, subtasks: subtasks.flatMap { prompts.subtask($0) },
      indicators: guided ? [conditional, unconditional] : [conditional])
    let size = settings.chunkLength * embodiment.actionWidth
    let noise = requests.flatMap { request in
      var random = RandomSource(seed: request.seed, stream: "policy noise")
      return random.normals(size)
    }
    let actions = network.integrated(
      tape, conditioning, from: noise, guidance: guided ? requests.map(\.guidance) : nil)
    return requests.indices.map { sample in
      PolicyAnswer(
        chunk: ActionChunk(
          values: actionScaler.restored(actions[sample * size..<(sample + 1) * size]),
          width: embodiment.actionWidth),
        subtask: subtasks[sample] < 0 ? nil : prompts.subtaskTexts[subtasks[sample]])
    }
  }
}
