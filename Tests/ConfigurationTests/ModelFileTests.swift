import Foundation
import Networks
import Policies
import Testing

@testable import Configuration

@Suite struct ModelFileTests {
  private static let directory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Configs/models").path

  @Test(arguments: ["tiny", "small", "base", "pi06"])
  func everyFileLoadsAndIsCounted(name: String) throws {
    let file = try ModelFile.load(file: "\(Self.directory)/\(name).yaml")
    let policy = try ModelDescription(file.policy, for: file.reference)
    let value = try ModelDescription(file.value, for: file.reference)
    #expect(policy.parameters > value.parameters)
    #expect(policy.operations.inference < policy.operations.training)
  }

  /// The published sizes: a 4 B language model with a 0.4 B vision tower, an expert of 860 M, a
  /// value function of 670 M (its own vision tower and tables beside).
  @Test func pi06HasThePublishedSizes() throws {
    let file = try ModelFile.load(file: "\(Self.directory)/pi06.yaml")
    let policy = try ModelDescription(file.policy, for: file.reference)
    let parts = Dictionary(
      uniqueKeysWithValues: policy.parts.map { ($0.name, Double($0.parameters)) })
    // Gemma 3 4B without its table has 3.2 billion weights.
    #expect(abs(try #require(parts["backbone"]) / 3.21e9 - 1) < 0.02)
    #expect(abs(try #require(parts["action expert"]) / 860e6 - 1) < 0.02)
    #expect(abs(try #require(parts["vision tower"]) / 420e6 - 1) < 0.05)
    let value = try ModelDescription(file.value, for: file.reference)
    let network = try #require(value.parts.first { $0.name == "network" })
    #expect(abs(Double(network.parameters) / 670e6 - 1) < 0.02)
  }

  /// What is counted without making the model is what the model has.
  @Test func overridesReachAFileOfModels() throws {
    let path = "\(Self.directory)/tiny.yaml"
    let file = try ModelFile.load(
      file: path, overrides: ["policy.chunkLength=8", "reference.cameras=0"])
    #expect(file.policy.chunkLength == 8)
    #expect(!file.policy.usesImages && !file.value.usesImages)
    let error = #expect(throws: ConfigurationError.self) {
      try ModelFile.load(
        file: path, overrides: ["policy.backbone.witdh=8", "reference.cameras=9"])
    }
    let paths = error?.problems.map(\.keyPath).sorted()
    #expect(paths == ["policy.backbone.witdh", "reference.cameras"])
  }

  @Test func aRunTakesModelsFromAFileAndChangesThem() throws {
    let yaml = """
      name: a
      tasks: [{name: espresso}]
      robots: [{name: cell, kind: workcell}]
      models:
        from: tiny.yaml
        policy: {chunkLength: 4, backbone: {layers: 2}}
      """
    let run = try RunConfiguration(
      yaml: yaml, directory: Self.directory, workcellTasks: ["espresso"])
    #expect(run.models.policy.backbone.width == 128)
    #expect(run.models.policy.backbone.layers == 2)
    #expect(run.models.policy.chunkLength == 4)
    #expect(run.models.value.network.width == 96)
    #expect(!run.models.policy.usesImages)
    let absolute = try RunConfiguration(
      yaml: yaml.replacing("from: tiny.yaml", with: "from: \(Self.directory)/tiny.yaml"),
      directory: "/nowhere", workcellTasks: ["espresso"])
    #expect(absolute == run)
    // What a run stores names no file any more.
    let again = try RunConfiguration(resolvedJSON: run.resolvedJSON)
    #expect(again == run)

    let missing = #expect(throws: ConfigurationError.self) {
      try RunConfiguration(
        yaml: yaml, directory: "/nowhere", workcellTasks: ["espresso"])
    }
    #expect(missing?.source == "/nowhere/tiny.yaml")
    let wrong = #expect(throws: ConfigurationError.self) {
      try RunConfiguration(
        yaml: yaml.replacing("from: tiny.yaml", with: "from: [1]"), workcellTasks: ["espresso"])
    }
    #expect(wrong?.problems.map(\.keyPath) == ["models.from"])
  }
  @Test func aRunsConfigurationIsNoFileOfModels() throws {
    let error = #expect(throws: ConfigurationError.self) {
      try ModelFile.load(file: "\(Self.directory)/../demo.yaml")
    }
    #expect(error?.problems.map(\.keyPath) == ["tasks"])
    #expect(error?.description.contains("this is a run's configuration") == true)
  }
}
