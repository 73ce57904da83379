import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Which requests become WebSockets, and what their clients may send.
public struct WebSocketSettings: Sendable {
  /// Whether a request for a WebSocket is granted; one that is not is answered by the routes.
  public var accepts: @Sendable (HTTPRequest) -> Bool
  /// Bytes of one message, in however many frames; a larger one ends the connection with 1009.
  public var messageBytes: Int
  /// Frames of one message.
  public var messageFrames: Int
  /// After this long without a word from the client it is asked for a sign of life, and after three
  /// times as long the connection ends.
  public var quietTime: Duration

  public init(
    messageBytes: Int = 32 * 1024 * 1024, messageFrames: Int = 1024,
    quietTime: Duration = .seconds(20), accepts: @escaping @Sendable (HTTPRequest) -> Bool
  ) {
    self.messageBytes = messageBytes
    self.messageFrames = messageFrames
    self.quietTime = quietTime
    self.accepts = accepts
  }
}

/// What the other end sent, complete.
public enum WebSocketMessage: Sendable, Equatable {
  case binary([UInt8])
  case text(String)
}

/// One end of a WebSocket (RFC 6455). Pings are answered while nobody receives, and a peer that is
/// silent for long is left.
///
/// Two messages that nobody has received yet are kept; then nothing more is read.
public final class WebSocket: Sendable {
  /// Which end of the connection this is.
  enum Side: Sendable { case server, client }

  private let channel: any Channel
  private let conversation: NIOLoopBound<WebSocketConversation>
  private let mailbox: WebSocketMailbox
  private let side: Side

  /// Takes over a channel that has just been upgraded. On its event loop.
  init(on channel: any Channel, _ side: Side, _ settings: WebSocketSettings) throws {
    let mailbox = WebSocketMailbox()
    let conversation = WebSocketConversation(settings, side, mailbox)
    try channel.pipeline.syncOperations.addHandler(conversation)
    self.channel = channel
    self.mailbox = mailbox
    self.side = side
    self.conversation = NIOLoopBound(conversation, eventLoop: channel.eventLoop)
  }

  /// The next message; nil when the peer has gone. One caller at a time.
  ///
  /// - Throws: `CancellationError`; the connection is closed then.
  public func receive() async throws -> WebSocketMessage? {
    let message = await withTaskCancellationHandler {
      await withCheckedContinuation { mailbox.take($0) }
    } onCancel: {
      channel.close(promise: nil)
    }
    // What was held back may be read now.
    if mailbox.mayReadOn() { channel.read() }
    try Task.checkCancellation()
    return message
  }

  /// Sends a message; waits while the peer is slow to read.
  ///
  /// - Throws: When the peer has gone.
  public func send(_ message: WebSocketMessage) async throws {
    let frame =
      switch message {
      case .binary(let bytes): side.frame(.binary, ByteBuffer(bytes: bytes))
      case .text(let text): side.frame(.text, ByteBuffer(string: text))
      }
    guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
    // To wait for each write to be done would be a change of threads for nothing.
    guard !channel.isWritable else { return channel.writeAndFlush(frame, promise: nil) }
    try await withTaskCancellationHandler {
      try await channel.writeAndFlush(frame).get()
    } onCancel: {
      channel.close(promise: nil)
    }
  }

  /// Says good-bye and closes.
  ///
  /// - Parameter code: Of RFC 6455, section 7.4.1, such as 1000 for a normal end.
  public func close(code: Int = 1000) async {
    try? await channel.eventLoop.submit { self.conversation.value.end(code) }.get()
    try? await channel.closeFuture.get()
  }
}

extension WebSocket.Side {
  /// A whole frame; its key has the encoder mask it where the side has to.
  func frame(_ opcode: WebSocketOpcode, _ data: ByteBuffer) -> WebSocketFrame {
    WebSocketFrame(
      fin: true, opcode: opcode, maskKey: self == .client ? .random() : nil, data: data)
  }
}
