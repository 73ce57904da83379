import Launching
import Testing

struct ExternalToolTests {
  @Test("a program reads what it is given, whole")
  func input() async throws {
    let text = String(repeating: "apiVersion: v1\n", count: 100_000)
    #expect(try await ExternalTool.run(["cat"], input: text) == text)
    #expect(try await ExternalTool.run(["cat"]) == "")
  }

  @Test("a program that ends before it has read everything ends nobody else")
  func unread() async throws {
    let text = String(repeating: "apiVersion: v1\n", count: 100_000)
    #expect(try await ExternalTool.run(["true"], input: text) == "")
    await #expect(throws: ExternalToolFailed.self) {
      try await ExternalTool.run(["false"], input: text)
    }
  }
}
