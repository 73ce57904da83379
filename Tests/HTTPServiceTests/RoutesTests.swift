import Testing

@testable import HTTPService

struct RoutesTests {
  private func status(_ method: String, _ path: String, _ routes: HTTPRoutes) async -> Int {
    await routes.answer(HTTPRequest(method: method, path: path)).status
  }

  @Test("a route takes its method and as many parts as its pattern")
  func matching() async {
    var routes = HTTPRoutes()
    routes.on("GET", "/a/{x}") { _ in .text("a") }
    routes.on("POST", "/a/{x}") { _ in .text("p", status: 201) }
    routes.on("GET", "/files/{rest...}") { .text($0.parameters["rest"] ?? "") }
    #expect(await status("GET", "/a/1", routes) == 200)
    #expect(await status("HEAD", "/a/1", routes) == 200)
    #expect(await status("POST", "/a/1", routes) == 201)
    #expect(await status("GET", "/a", routes) == 404)
    #expect(await status("GET", "/a/1/2", routes) == 404)
    let refused = await routes.answer(HTTPRequest(method: "DELETE", path: "/a/1"))
    #expect(refused.status == 405)
    #expect(refused.header("allow") == "GET, POST")
    let rest = await routes.answer(HTTPRequest(method: "GET", path: "/files/b/c"))
    guard case .bytes(let bytes) = rest.body else { return #expect(Bool(false), "no bytes") }
    #expect(String(decoding: bytes, as: UTF8.self) == "b/c")
  }

  @Test("a handler's failure is the answer, and any other error a 500")
  func failures() async {
    var routes = HTTPRoutes()
    struct Odd: Error {}
    routes.on("GET", "/known") { _ in throw HTTPFailure(409, "a \"quoted\" reason") }
    routes.on("GET", "/odd") { _ in throw Odd() }
    let known = await routes.answer(HTTPRequest(method: "GET", path: "/known"))
    guard case .bytes(let bytes) = known.body else { return #expect(Bool(false), "no bytes") }
    #expect(known.status == 409)
    #expect(String(decoding: bytes, as: UTF8.self) == "{\"error\":\"a \\\"quoted\\\" reason\"}\n")
    #expect(await status("GET", "/odd", routes) == 500)
  }

  @Test("a check comes before every route")
  func checks() async {
    var routes = HTTPRoutes()
    routes.on("GET", "/a") { _ in .text("a") }
    routes.check { $0.headers["authorization"] == nil ? .failure(401, "who?") : nil }
    #expect(await status("GET", "/a", routes) == 401)
    #expect(await status("GET", "/nowhere", routes) == 401)
    let signed = HTTPRequest(method: "GET", path: "/a", headers: ["authorization": "x"])
    #expect(await routes.answer(signed).status == 200)
  }

  @Test("a target is taken apart and its escapes resolved")
  func targets() {
    let target = HTTPTarget("/api/a%2Fb?task=box%20folding&x=1+2&x=3&flag&e=")
    #expect(target?.path == "/api/a/b")
    #expect(target?.query == ["task": "box folding", "x": "3", "flag": "", "e": ""])
    for wrong in ["", "a", "*", "/%", "/%4", "/%g0", "/%ff", "/a?b=%"] {
      #expect(HTTPTarget(wrong) == nil, "\(wrong)")
    }
  }

  @Test(
    "addresses",
    arguments: [
      ("127.0.0.1:80", "127.0.0.1", 80), ("[::1]:8080", "::1", 8080), ("host:0", "host", 0),
    ])
  func addresses(text: String, host: String, port: Int) {
    #expect(HTTPAddress(text)?.host == host)
    #expect(HTTPAddress(text)?.port == port)
  }

  @Test("what is no address", arguments: ["", "host", ":80", "host:", "h:99999", "a:b:1", "[::1"])
  func noAddresses(text: String) { #expect(HTTPAddress(text) == nil) }
}
