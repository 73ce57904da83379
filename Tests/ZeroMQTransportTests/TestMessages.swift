import Messaging

/// Says the same again, with the same frames.
struct EchoRequest: Request {
  static let type = "test.echo"
  var text = ""
  struct Reply: Codable, Sendable {
    var text: String
  }
}

/// Is not answered as long as the server lives.
struct SilentRequest: Request {
  static let type = "test.silent"
  typealias Reply = Acknowledgement
}

/// Is answered when a number of them have come.
struct MeetRequest: Request {
  static let type = "test.meet"
  typealias Reply = Acknowledgement
}

/// Counts callers and lets them go together.
actor Meeting {
  private let size: Int
  private var present: [CheckedContinuation<Void, Never>] = []
  private var watchers: [CheckedContinuation<Void, Never>] = []
  private(set) var arrivals = 0

  init(size: Int) { self.size = size }

  func attend() async {
    arrivals += 1
    for watcher in watchers { watcher.resume() }
    watchers = []
    if present.count + 1 == size {
      for guest in present { guest.resume() }
      present = []
    } else {
      await withCheckedContinuation { present.append($0) }
    }
  }

  /// Returns once somebody has come.
  func begins() async {
    if arrivals == 0 { await withCheckedContinuation { watchers.append($0) } }
  }

  /// Lets everybody go.
  func disperse() {
    for guest in present { guest.resume() }
    present = []
  }
}

func makeRouter(meeting: Meeting = Meeting(size: .max)) -> RequestRouter {
  var router = RequestRouter()
  router.on(EchoRequest.self) { Envelope(EchoRequest.Reply(text: $0.body.text), frames: $0.frames) }
  router.answer(SilentRequest.self) { _ in
    // Ends with the server, which cancels its handlers.
    try await Task.sleep(for: .seconds(3_600))
    return Acknowledgement()
  }
  router.answer(MeetRequest.self) { _ in
    await meeting.attend()
    return Acknowledgement()
  }
  return router
}
