import Foundation
import Networks
import Tensors
import Testing

@testable import Policies

/// Values that `Fixtures/golden`, an independent implementation in PyTorch with 64-bit arithmetic,
/// gives for the same weights and inputs.
struct Golden {
  let file: SafetensorsFile

  init(_ name: String) throws {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: "safetensors", subdirectory: "Fixtures"))
    file = try SafetensorsFile(parsing: Array(try Data(contentsOf: url)))
  }

  func floats(_ name: String) throws -> [Float] {
    try file.floats(name, shape: file.shape(of: name))
  }

  func tokens(_ name: String) throws -> [Int32] {
    try file.int32s("input.\(name)", shape: file.shape(of: "input.\(name)"))
  }

  func input(_ name: String) throws -> [Float] { try floats("input.\(name)") }

  func expected(_ name: String) throws -> [Float] { try floats("expected.\(name)") }

  /// The weights that the values belong to: all of them, and no others.
  func load(into store: ParameterStore) throws {
    let prefix = "parameter."
    let known = file.names.filter { $0.hasPrefix(prefix) }.map {
      String($0.dropFirst(prefix.count))
    }
    #expect(Set(known).isSuperset(of: store.names))
    for name in store.names {
      let parameter = try #require(store.parameter(named: name))
      store.setValues(
        of: parameter, to: try file.floats(prefix + name, shape: store.shape(of: parameter)))
    }
  }

  /// Compares all gradients that the fixture has.
  func checkGradients(
    of store: ParameterStore, prefix: String = "expected.gradient.",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let names = file.names.filter { $0.hasPrefix(prefix) }
    #expect(names.count > 10)
    for name in names {
      let parameter = try #require(store.parameter(named: String(name.dropFirst(prefix.count))))
      expectClose(
        store.gradient(of: parameter), try floats(name), "\(name)", sourceLocation: sourceLocation)
    }
  }

  func checkParametersAfter(_ store: ParameterStore) throws {
    for name in store.names {
      let parameter = try #require(store.parameter(named: name))
      expectClose(store.values(of: parameter), try expected("after.\(name)"), "after: \(name)")
    }
  }

  /// Images, texts and states.
  func observations() throws -> ObservationBatch {
    ObservationBatch(
      count: 4, proprioception: try input("proprioception"),
      environmentState: try input("environment_state"), patches: try input("patches"),
      taskTokens: try tokens("task_tokens"))
  }

  func targets() throws -> PolicyNetwork.Targets {
    let (times, noise, actions) = (try input("times"), try input("noise"), try input("actions"))
    let size = actions.count / times.count
    return PolicyNetwork.Targets(
      subtaskTokens: try tokens("subtask_tokens"), subtaskTargets: try tokens("subtask_targets"),
      indicatorTokens: try tokens("indicator_tokens"), actionTokens: try tokens("fast_tokens"),
      actionTargets: try tokens("fast_targets"), times: times,
      noised: actions.indices.map {
        times[$0 / size] * actions[$0] + (1 - times[$0 / size]) * noise[$0]
      },
      velocities: zip(actions, noise).map { $0 - $1 }, weights: try input("weights"))
  }
}

/// Expects numbers to agree within 10⁻⁴ of the largest of them.
func expectClose(
  _ a: [Float], _ b: [Float], _ what: Comment, within tolerance: Float = 1e-4,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let largest = b.reduce(0) { max($0, abs($1)) }
  let error = zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
  let isClose = a.count == b.count && error <= tolerance * max(largest, 1e-3)
  #expect(isClose, "\(what): error \(error) of \(largest)", sourceLocation: sourceLocation)
}
