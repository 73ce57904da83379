import Episodes
import RecapAlgorithm
import Tensors
import Testing

@testable import Policies

@Suite struct PolicyActingTests {
  @Test func aRequestIsAnsweredTheSameWayAgain() throws {
    let policy = try Toy.scrambled()
    let first = try policy.chunks(for: [Toy.request(1)])
    #expect(first[0].count == 4)
    #expect(first[0].width == 2)
    #expect(try policy.chunks(for: [Toy.request(1)]) == first)
    var reseeded = Toy.request(1)
    reseeded.seed = 2
    #expect(try policy.chunks(for: [reseeded]) != first)
  }

  @Test(arguments: [nil, BytePairTokenizer()])
  func manyRequestsAreAnsweredLikeSingleOnes(tokenizer: BytePairTokenizer?) throws {
    let policy = try Toy.scrambled(tokenizer: tokenizer)
    let requests = [
      Toy.request(1), Toy.request(2, task: Toy.wipe), Toy.request(3, guidance: 2),
      Toy.request(4, indicator: .negative), Toy.request(5, task: Toy.wipe, guidance: 0.5),
      Toy.request(6, indicator: .absent, guidance: 3),
    ]
    let together = try policy.chunks(for: requests)
    for (request, chunk) in zip(requests, together) {
      let alone = try policy.chunks(for: [request])[0]
      #expect(isClose(chunk.values, alone.values, within: 2e-4))
    }
    #expect(try policy.chunks(for: []).isEmpty)
    #expect(try policy.subtasks(for: []).isEmpty)
  }

  @Test func guidanceInterpolatesBetweenUnconditionalAndConditional() throws {
    let policy = try Toy.scrambled()
    func values(_ indicator: AdvantageIndicator, _ guidance: Float) throws -> [Float] {
      try policy.chunks(for: [Toy.request(1, indicator: indicator, guidance: guidance)])[0].values
    }
    let conditional = try values(.positive, 1)
    let unconditional = try values(.absent, 1)
    #expect(!isClose(conditional, unconditional, within: 1e-2))
    // Just beside 1 the two-pass path is taken, and agrees with the one-pass path.
    #expect(isClose(try values(.positive, 1.00001), conditional, within: 1e-3))
    #expect(isClose(try values(.positive, 0), unconditional, within: 1e-4))
    #expect(!isClose(try values(.positive, 2), conditional, within: 1e-2))
  }

  @Test func aCheckpointActsTheSame() throws {
    let policy = try Toy.scrambled(
      Toy.policySettings {
        $0.usesImages = true; $0.patchSize = 4
      }, embodiment: Toy.seeing)
    let checkpoint = try policy.checkpoint()
    #expect(
      checkpoint.files.keys.sorted() == [
        "assets/toy/norm_stats.json", "config.json", "fast_tokenizer.json", "model.safetensors",
        "tokenizer.json",
      ])
    let restored = try Policy(checkpoint: checkpoint)
    let requests = [1, 2].map { Toy.request($0, guidance: 2, embodiment: Toy.seeing) }
    #expect(try restored.chunks(for: requests) == policy.chunks(for: requests))
    #expect(try restored.checkpoint() == checkpoint)
  }

  @Test func damagedCheckpointsAreRefused() throws {
    let checkpoint = try Toy.policy().checkpoint()
    for file in checkpoint.files.keys {
      var without = checkpoint
      without.files[file] = nil
      #expect(throws: PolicyError.self, "\(file)") { try Policy(checkpoint: without) }
    }
    #expect(throws: PolicyError.self) { try ValueFunction(checkpoint: checkpoint) }
    var weights = try SafetensorsFile(parsing: checkpoint.bytes(CheckpointFiles.weights))
    weights.add("fast_head.weight", shape: [3], floats: [0, 0, 0])
    var misshapen = checkpoint
    misshapen.files[CheckpointFiles.weights] = weights.serialized()
    #expect(throws: SafetensorsError.self) { try Policy(checkpoint: misshapen) }
    var empty = checkpoint
    empty.files[CheckpointFiles.weights] = SafetensorsFile().serialized()
    #expect(throws: SafetensorsError.self) { try Policy(checkpoint: empty) }
  }

  @Test func requestsThatMakeNoSenseAreRefused() throws {
    let policy = try Toy.policy()
    func error(_ change: (inout PolicyRequest) -> Void) -> PolicyError? {
      var request = Toy.request(1)
      change(&request)
      return #expect(throws: PolicyError.self) { try policy.chunks(for: [request]) }
    }
    #expect(
      error { $0.observation.proprioception[1] = .nan } == .notFinite(column: "observation.state"))
    #expect(
      error { $0.observation.environmentState = [1] }
        == .width(column: "observation.environment_state", expected: 3, actual: 1))
    #expect(
      error { $0.task.name = "mow" }
        == .unknownTask("mow", instruction: Toy.pour.instruction, known: ["pour", "wipe"]))
    #expect(
      error { $0.task.subtasks.append("drink") }
        == .unknownSubtask(
          index: 2, task: "pour", known: ["reach for the pot", "tilt the pot"]))
    #expect(
      error { $0.subtask = "drink" }
        == .unknownSubtaskText(
          "drink", task: "pour", known: ["reach for the pot", "tilt the pot"]))
    #expect(error { $0.guidance = -1 } != nil)
    let seeing = try Toy.policy(
      Toy.policySettings {
        $0.usesImages = true; $0.patchSize = 4
      }, embodiment: Toy.seeing)
    #expect(throws: PolicyError.width(column: "observation.images.base", expected: 192, actual: 0))
    {
      try seeing.chunks(for: [Toy.request(1)])
    }
  }

  @Test func settingsThatMakeNoSenseAreRefused() throws {
    let changes: [(inout PolicySettings) -> Void] = [
      { $0.backbone.keyValueHeads = 3 }, { $0.backbone.headWidth = 5 }, { $0.backbone.layers = 0 },
      { $0.chunkLength = 0 }, { $0.flowLossWeight = .nan }, { $0.noiseEmphasis = 0.5 },
      { $0.usesImages = true },
    ]
    for change in changes {
      #expect(throws: PolicyError.self) { try Toy.policy(Toy.policySettings(change)) }
    }
    #expect(throws: PolicyError.self) {
      try Toy.policy(
        Toy.policySettings {
          $0.usesImages = true; $0.patchSize = 3
        }, embodiment: Toy.seeing)
    }
    var blind = Toy.embodiment
    blind.environmentStateWidth = 0
    #expect(throws: PolicyError.self) { try Toy.policy(embodiment: blind) }
    var numb = Toy.embodiment
    numb.proprioceptionWidth = 0
    #expect(throws: PolicyError.self) { try Toy.policy(embodiment: numb) }
    #expect(throws: PolicyError.self) { try Toy.policy(tasks: [Toy.pour, Toy.pour]) }
    #expect(throws: PolicyError.self) { try Toy.policy(tasks: []) }
  }
}
