import Tensors
import Testing

@testable import Episodes

func embodiment() -> Embodiment {
  Embodiment(
    name: "workcell", proprioceptionWidth: 2, environmentStateWidth: 1,
    cameras: [
      Camera(name: "base", width: 2, height: 1), Camera(name: "wrist", width: 1, height: 1),
    ], actionWidth: 3, controlRate: 10)
}

func episode(images: Bool = true, environmentState: Bool = true, steps: Int = 3) throws -> Episode {
  let metadata = EpisodeMetadata(
    id: "espresso/1/collect/0#2", job: "espresso/1/collect/0", index: 2,
    task: TaskDescription(
      name: "espresso", instruction: "make an \"espresso\" / café", maximumSteps: 40,
      subtasks: ["grind", "tamp"]),
    embodiment: embodiment(), robot: "left", iteration: 1, source: .corrected,
    policy: ContentDigest(rawValue: String(repeating: "ab", count: 32)), guidance: 1.5,
    seed: .max, outcome: .success, recordsImages: images,
    recordsEnvironmentState: environmentState)
  var episode = Episode(metadata: metadata)
  for step in 0..<steps {
    let x = Float(step)
    try episode.append(
      Observation(
        proprioception: [x, 0.1], environmentState: [-x],
        images: [[1, 2, 3, 4, 5, UInt8(step)], [7, 8, 9]]),
      action: [x, x + 1, 1e-9], intervention: step == 1, subtask: step == 0 ? nil : step % 2)
  }
  return episode
}

@Suite struct `An episode file` {
  @Test(arguments: [(true, true), (false, true), (true, false), (false, false)])
  func `survives a round trip`(images: Bool, environmentState: Bool) throws {
    let original = try episode(images: images, environmentState: environmentState)
    let bytes = try EpisodeFile.serialize(original)
    #expect(try EpisodeFile.parse(bytes) == original)
    #expect(try EpisodeFile.serialize(try EpisodeFile.parse(bytes)) == bytes)
  }

  /// Its frames are parts of the file.
  @Test func `can be read, looked at and gone on with`() throws {
    var original = try episode()
    var read = try EpisodeFile.parse(try EpisodeFile.serialize(original))
    let unchanged = read
    #expect(read.frame(of: 0, at: 1) == [1, 2, 3, 4, 5, 1])
    #expect(read.frame(of: 1, at: 2) == [7, 8, 9])
    #expect(read.observation(at: 2) == original.observation(at: 2))
    let seen = Observation(
      proprioception: [7, 8], environmentState: [9], images: [[6, 5, 4, 3, 2, 1], [3, 2, 1]])
    for _ in 0..<3 {
      try read.append(seen, action: [1, 2, 3], intervention: false)
      try original.append(seen, action: [1, 2, 3], intervention: false)
    }
    #expect(read == original && read.observation(at: 5) == seen)
    #expect(unchanged.count == 3 && unchanged.frame(of: 1, at: 2) == [7, 8, 9])
  }

  @Test func `may hold what the policy proposed beside a person`() throws {
    var original = try episode()
    let observation = original.observation(at: 0)
    #expect(try SafetensorsFile(parsing: EpisodeFile.serialize(original)).names.count == 7)
    #expect(original.proposal(at: 1) == nil)
    try original.append(
      observation, action: [1, 2, 3], intervention: true, proposal: [4, 5, 6])
    try original.append(observation, action: [1, 2, 3], intervention: false)
    #expect(original.proposal(at: 3) == [4, 5, 6])
    #expect(original.proposal(at: 1) == nil && original.proposal(at: 4) == nil)
    let file = try EpisodeFile.serialize(original)
    #expect(try EpisodeFile.parse(file) == original)
    #expect(try SafetensorsFile(parsing: file).shape(of: "policy_action") == [5, 3])
    #expect(throws: EpisodeError.width(column: "policy_action", expected: 3, actual: 1)) {
      try original.append(observation, action: [1, 2, 3], intervention: true, proposal: [4])
    }
  }

  /// Files from before reasons were recorded have no such key.
  @Test func `may say why it ended`() throws {
    var original = try episode()
    #expect(try metadataText(original).contains("reason") == false)
    original.metadata.reason = "cup \"dropped\""
    #expect(try metadataText(original).contains(#""reason":"cup \"dropped\"""#))
    #expect(try EpisodeFile.parse(try EpisodeFile.serialize(original)) == original)
  }

  /// Files from before these were recorded have no such keys.
  @Test func `may say where it failed and which stages were done`() throws {
    var original = try episode()
    let before = try metadataText(original)
    #expect(!before.contains("decidedAtStep") && !before.contains("stages"))
    original.metadata.decidedAtStep = 2
    original.metadata.mistakeAtStep = 1
    original.metadata.stages = [
      StageScore(name: "build", isDone: true), StageScore(name: "label", isDone: false),
    ]
    #expect(try EpisodeFile.parse(try EpisodeFile.serialize(original)) == original)
    original.metadata.decidedAtStep = 3
    let wrong = try EpisodeFile.serialize(original)
    #expect(
      throws: EpisodeError.malformed("decidedAtStep: got 3, in an episode of 3 steps")
    ) { try EpisodeFile.parse(wrong) }
    original.metadata.decidedAtStep = 0
    let late = try EpisodeFile.serialize(original)
    #expect(
      throws: EpisodeError.malformed("mistakeAtStep: got 1, where decidedAtStep is 0")
    ) { try EpisodeFile.parse(late) }
  }

  private func metadataText(_ episode: Episode) throws -> String {
    try SafetensorsFile(parsing: try EpisodeFile.serialize(episode)).metadata("episode")
  }

  @Test func `has LeRobot's names and shapes`() throws {
    let file = try SafetensorsFile(parsing: try EpisodeFile.serialize(try episode()))
    #expect(
      file.names == [
        "action", "intervention", "observation.environment_state", "observation.images.base",
        "observation.images.wrist", "observation.state", "subtask_index",
      ])
    #expect(try file.shape(of: "observation.images.base") == [3, 1, 2, 3])
    #expect(try file.floats("action", shape: [3, 3]).prefix(4) == [0, 1, 1e-9, 1])
    #expect(try file.int32s("subtask_index", shape: [3]) == [-1, 1, 0])
    #expect(try file.bools("intervention", shape: [3]) == [false, true, false])
  }

  @Test func `refuses an episode without steps`() throws {
    let empty = try episode(steps: 0)
    #expect(throws: EpisodeError.malformed("'espresso/1/collect/0#2' has no steps")) {
      try EpisodeFile.serialize(empty)
    }
  }

  /// A good file with one thing changed.
  func parse(changing change: (inout SafetensorsFile) -> Void) throws {
    var file = try SafetensorsFile(parsing: try EpisodeFile.serialize(try episode()))
    change(&file)
    _ = try EpisodeFile.parse(file.serialized())
  }

  @Test func `refuses what does not fit`() throws {
    #expect(
      throws: SafetensorsError.wrongShape(name: "action", expected: [3, 3], actual: [3, 2])
    ) {
      try parse { $0.add("action", shape: [3, 2], floats: [1, 2, 3, 4, 5, 6]) }
    }
    #expect(
      throws: SafetensorsError.wrongShape(
        name: "subtask_index", expected: [3], actual: [2])
    ) { try parse { $0.add("subtask_index", shape: [2], int32s: [0, 0]) } }
    #expect(throws: EpisodeError.notFinite(column: "observation.state", step: 1)) {
      try parse {
        $0.add("observation.state", shape: [3, 2], floats: [0, 0, 0, .nan, 0, 0])
      }
    }
    #expect(
      throws: EpisodeError.malformed("subtask_index: task 'espresso' has 2 subtasks, got 2")
    ) { try parse { $0.add("subtask_index", shape: [3], int32s: [0, 1, 2]) } }
    #expect(
      throws: SafetensorsError.wrongElementType(
        name: "observation.images.base", expected: .uint8, actual: .float32)
    ) {
      try parse {
        $0.add(
          "observation.images.base", shape: [3, 1, 2, 3],
          floats: Array(repeating: 0, count: 18))
      }
    }
    #expect(throws: SafetensorsError.self) {
      try parse { $0.add("intervention", shape: [3, 1], bools: [true, true, true]) }
    }
  }

  @Test func `refuses other formats and versions`() throws {
    #expect(throws: SafetensorsError.missingMetadata(key: "format")) {
      try parse { $0.metadata["format"] = nil }
    }
    #expect(
      throws: EpisodeError.malformed(
        "expected format 'recap.episode' version 1, got 'recap.episode' version 2")
    ) { try parse { $0.metadata["version"] = "2" } }
    #expect(throws: EpisodeError.self) { try parse { $0.metadata["episode"] = "{}" } }
  }
}

@Suite struct `A label set file` {
  static func digest(_ digit: Character) -> ContentDigest {
    ContentDigest(rawValue: String(repeating: digit, count: 64))!
  }

  func labels() -> LabelSet {
    LabelSet(
      metadata: LabelSetMetadata(
        job: "espresso/1/label", value: Self.digest("c"), lookahead: 50,
        tasks: [
          "espresso": TaskLabelSummary(
            requestedPositiveShare: 0.4, threshold: 0.01, positiveShare: 0.41,
            positiveShareBySource: ["demonstration": 0.5], steps: 3)
        ]),
      episodes: [
        Self.digest("a"): EpisodeLabels(
          values: [-0.5, -0.25], advantages: [0.1, -0.1], positives: [true, false]),
        Self.digest("b"): EpisodeLabels(values: [-1], advantages: [0], positives: [true]),
      ])
  }

  @Test func `survives a round trip`() throws {
    let bytes = try LabelSetFile.serialize(labels())
    #expect(try LabelSetFile.parse(bytes) == labels())
    #expect(try LabelSetFile.serialize(try LabelSetFile.parse(bytes)) == bytes)
    let empty = LabelSet(metadata: labels().metadata, episodes: [:])
    #expect(try LabelSetFile.parse(try LabelSetFile.serialize(empty)) == empty)
  }

  @Test func `refuses columns of different lengths`() throws {
    var broken = labels()
    broken.episodes[Self.digest("b")]?.positives = []
    #expect(throws: EpisodeError.self) { try LabelSetFile.serialize(broken) }
    var file = try SafetensorsFile(parsing: try LabelSetFile.serialize(labels()))
    file.add("\(Self.digest("b")).advantage", shape: [2], floats: [1, 2])
    #expect(throws: EpisodeError.self) { try LabelSetFile.parse(file.serialized()) }
  }

  @Test func `refuses tensors that are not labels`() throws {
    var file = try SafetensorsFile(parsing: try LabelSetFile.serialize(labels()))
    file.add("stranger.value", shape: [1], floats: [1])
    #expect(throws: EpisodeError.self) { try LabelSetFile.parse(file.serialized()) }
  }

  @Test func `refuses an episode that lacks a column`() throws {
    var file = SafetensorsFile()
    file.metadata = try SafetensorsFile(parsing: try LabelSetFile.serialize(labels())).metadata
    file.add("\(Self.digest("b")).value", shape: [1], floats: [1])
    #expect(
      throws: SafetensorsError.missingTensor(
        name: "\(Self.digest("b")).advantage", available: file.names)
    ) { try LabelSetFile.parse(file.serialized()) }
  }
}

@Suite struct `A value set file` {
  private func values() -> ValueSet {
    let digests = ["a", "b"].map { `A label set file`.digest($0) }
    func description(_ id: String) -> EpisodeValues.Description {
      EpisodeValues.Description(
        id: id, task: "espresso", maximumSteps: 90, source: .corrected, outcome: .failure)
    }
    return ValueSet(
      provenance: .init(job: "espresso/1/labels/0", value: digests[1]),
      episodes: [
        digests[0]: EpisodeValues(
          episode: description("x"), values: [-0.5, -0.25], interventions: [true, false]),
        digests[1]: EpisodeValues(episode: description("y"), values: [-1], interventions: [false]),
      ])
  }

  @Test func `survives a round trip`() throws {
    let bytes = try ValueSetFile.serialize(values())
    #expect(try ValueSetFile.parse(bytes) == values())
    #expect(try ValueSetFile.serialize(try ValueSetFile.parse(bytes)) == bytes)
  }

  @Test func `refuses columns that do not fit and values that are no numbers`() throws {
    let digest = `A label set file`.digest("b")
    var broken = values()
    broken.episodes[digest]?.interventions = []
    #expect(throws: EpisodeError.self) { try ValueSetFile.serialize(broken) }
    broken = values()
    broken.episodes[digest]?.values = [.nan]
    #expect(throws: EpisodeError.self) { try ValueSetFile.serialize(broken) }
    var file = try SafetensorsFile(parsing: try ValueSetFile.serialize(values()))
    file.add("\(digest).value", shape: [2], floats: [1, 2])
    #expect(throws: EpisodeError.self) { try ValueSetFile.parse(file.serialized()) }
    let labels = try LabelSetFile.serialize(
      LabelSet(
        metadata: LabelSetMetadata(job: "j", value: digest, lookahead: nil, tasks: [:]),
        episodes: [:]))
    #expect(throws: EpisodeError.self) { try ValueSetFile.parse(labels) }
  }
}
