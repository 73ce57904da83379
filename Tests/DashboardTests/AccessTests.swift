import HTTPService
import Testing

@testable import Dashboard

struct AccessTests {
  private let token = "0123456789abcdef"

  private func request(_ headers: [String: String] = [:]) -> HTTPRequest {
    HTTPRequest(method: "POST", path: "/api/run", headers: headers)
  }

  @Test(
    "on loopback whoever is at the machine reads, and no page of another site",
    arguments: [
      ("127.0.0.1:8080", true), ("localhost:8080", true), ("[::1]:8080", true), ("127.1.2.3", true),
      ("evil.example:8080", false), ("127.0.0.1.evil.example", false),
      ("localhost.evil.example", false),
      ("", false),
    ])
  func loopback(host: String, isAllowed: Bool) {
    let access = DashboardAccess(token: nil, host: "127.0.0.1")
    #expect((access.readingRefusal(request(["host": host])) == nil) == isAllowed)
  }

  @Test("elsewhere reading takes the token, as a header or as the cookie that it was changed for")
  func elsewhere() throws {
    let access = DashboardAccess(token: token, host: "0.0.0.0")
    #expect(access.readingRefusal(request(["host": "127.0.0.1"]))?.status == 401)
    #expect(access.readingRefusal(request(["authorization": "Bearer \(token)x"]))?.status == 401)
    #expect(access.readingRefusal(request(["authorization": "Bearer \(token)"])) == nil)
    #expect(access.cookie(for: "wrong") == nil)
    let cookie = try #require(access.cookie(for: token))
    #expect(!cookie.contains(token))
    #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
    let pair = String(cookie.prefix { $0 != ";" })
    #expect(access.readingRefusal(request(["cookie": "a=b; \(pair)"])) == nil)
    #expect(access.readingRefusal(request(["cookie": "a=b; \(pair)0"]))?.status == 401)
  }

  @Test("actions take the token everywhere, and what no form of another site can send")
  func actions() throws {
    let json = ["content-type": "application/json"]
    let signed = json.merging(["authorization": "Bearer \(token)"]) { $1 }
    let without = DashboardAccess(token: nil, host: "127.0.0.1")
    #expect(throws: HTTPFailure.self) { try without.checkAction(request(signed)) }
    let access = DashboardAccess(token: token, host: "127.0.0.1")
    try access.checkAction(request(signed))
    let refusals = [
      json, ["authorization": "Bearer \(token)"],
      ["authorization": "Bearer \(token)", "content-type": "text/plain"],
    ]
    for headers in refusals {
      #expect(throws: HTTPFailure.self) { try access.checkAction(request(headers)) }
    }
  }
}
