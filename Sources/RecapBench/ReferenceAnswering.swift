import Episodes
import Policies
import PolicyServing
import RecapAlgorithm
import Tensors

/// The reference model vla-tiny on one thread, answering requests. It has no tokenizer: every prompt is
/// the same 24 tokens.
final class ReferenceAnswering: RequestAnswering {
  private let sampling = ReferenceSampling(.vlaTiny, samples: 1, threads: 1, isGuided: false)
  private let text = ReferenceBatch(count: 1).text

  func answers(to requests: [PolicyRequest]) -> [PolicyAnswer] {
    let size = ReferenceBatch.chunkLength * ReferenceBatch.actionWidth
    let batch = ReferenceBatch(
      images: requests.flatMap { $0.observation.images.joined() },
      text: requests.flatMap { _ in text },
      state: requests.flatMap(\.observation.proprioception),
      noise: requests.flatMap { request in
        var random = RandomSource(seed: request.seed, stream: "policy noise")
        return random.normals(size)
      })
    let actions = sampling.run(batch)
    return requests.indices.map { sample in
      PolicyAnswer(
        chunk: ActionChunk(
          values: actions.samples(sample..<sample + 1, width: size),
          width: ReferenceBatch.actionWidth),
        subtask: nil)
    }
  }
}
