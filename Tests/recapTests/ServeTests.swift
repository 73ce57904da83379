import Foundation
import HTTPService
import Testing

@testable import PolicyServing

@Suite(.timeLimit(.minutes(3))) struct ServeTests {
  @Test("a run's policy is served, and so is its copy in a folder")
  func served() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    let copy = folder.appending(path: "policy").path
    let trained = try await RecapProcess.run("run", "Configs/smoke.yaml", "--dir", run, "--quiet")
    #expect(trained.status == 0, "\(trained.errors)")
    let exported = try await RecapProcess.run("export", "policy", run, copy, "--task", "espresso")
    #expect(exported.output == "espresso/1/policy is in \(copy)\n", "\(exported.errors)")

    let replies = [
      try await replies("--run", run, "--task", "espresso", "--seed", "4"),
      try await replies("--checkpoint", copy, "--seed", "4"),
    ]
    #expect(replies[0].policy == "espresso/1/policy")
    #expect(replies[1].policy == "policy")
    #expect(replies[0].actions.shape.first == 8, "the chunk's length")
    #expect(replies[0].actions == replies[1].actions, "the same policy, noise and observation")

    let unknown = try await RecapProcess.run(
      "serve", "--run", run, "--task", "sushi", "--port", "0")
    #expect(unknown.status != 0)
    #expect(unknown.errors.contains("no task with a policy 'sushi'; it has espresso, tshirt"))
    let undecided = try await RecapProcess.run("serve", "--run", run, "--port", "0")
    #expect(undecided.errors.contains("say whose with --task: espresso, tshirt"))
    let early = try await RecapProcess.run(
      "serve", "--run", run, "--task", "tshirt", "--iteration", "7", "--port", "0")
    #expect(early.errors.contains("no iteration of tshirt with a policy '7'; it has 0, 1"))
    // A run goes on without a robot that was removed, here only to see that it is over.
    let removed = try await RecapProcess.run("robots", "remove", run, "cell-1")
    #expect(removed.status == 0, "\(removed.errors)")
    let resumed = try await RecapProcess.run("run", "--resume", run, "--quiet")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let wrong = try await RecapProcess.run(
      "serve", "--checkpoint", copy, "--port", "0", "--map", "image=wrist")
    #expect(wrong.errors.contains("the policy reads no 'wrist'; it reads observation.state"))
  }

  /// What a server of these arguments says first, and answers to zeros.
  private func replies(_ arguments: String...) async throws -> (policy: String, actions: NumPyArray)
  {
    let errors = Pipe()
    let process = try RecapProcess.start(
      ["serve", "--port", "0"] + arguments, output: .nullDevice,
      errors: errors.fileHandleForWriting)
    try errors.fileHandleForWriting.close()
    defer { process.terminate() }
    for await line in errors.fileHandleForReading.lines {
      guard let place = line.split(separator: " ").first(where: { $0.hasPrefix("ws://") }) else {
        continue
      }
      let socket = try await WebSocketClient.connect(String(place))
      let metadata = try await map(socket)
      let task = try #require(metadata["tasks"]?.elements.first?.fields["prompt"])
      var fields = [MessagePackValue.Entry(key: .string("prompt"), value: task)]
      for (name, expected) in metadata["observation"]?.fields ?? [:] {
        let width = try #require(Int(expected.text.filter(\.isNumber)))
        let zeros = NumPyArray([Float](repeating: 0, count: width), shape: [width])
        fields.append(.init(key: .string(name), value: .numpy(zeros)))
      }
      try await socket.send(.binary(MessagePackValue.map(fields).message))
      let reply = try await map(socket)
      guard case .numpy(let actions)? = reply["actions"] else {
        throw ServingError("no actions in \(reply)")
      }
      await socket.close()
      process.terminate()
      await process.ended()
      #expect(process.terminationStatus == 130, "stopped by a signal, in order")
      return (metadata["policy"]?.text ?? "", actions)
    }
    throw ServingError("the server has not begun to serve")
  }

  private func map(_ socket: WebSocket) async throws -> [String: MessagePackValue] {
    guard case .binary(let bytes)? = try await socket.receive() else {
      throw ServingError("expected a map")
    }
    return try MessagePackValue(parsing: bytes).fields
  }
}

extension MessagePackValue {
  fileprivate var text: String { if case .string(let text) = self { text } else { "" } }
  fileprivate var elements: [MessagePackValue] {
    if case .array(let elements) = self { elements } else { [] }
  }
  fileprivate var fields: [String: MessagePackValue] {
    guard case .map(let entries) = self else { return [:] }
    return Dictionary(uniqueKeysWithValues: entries.map { ($0.key.text, $0.value) })
  }
}
