import NIOConcurrencyHelpers
import NIOCore
import NIOWebSocket

/// A WebSocket's side of the channel: puts messages together, answers pings and closes.
///
/// Used on its channel's event loop alone.
final class WebSocketConversation: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = Never
  typealias OutboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  private let settings: WebSocketSettings
  private let side: WebSocket.Side
  private let mailbox: WebSocketMailbox
  private var context: ChannelHandlerContext?
  /// The message that is arriving.
  private var partial: (opcode: WebSocketOpcode, frames: Int, bytes: ByteBuffer)?
  private var isOver = false
  private var watch: RepeatedTask?
  /// Looks of the watch since the peer's last frame.
  private var quietLooks = 0

  init(_ settings: WebSocketSettings, _ side: WebSocket.Side, _ mailbox: WebSocketMailbox) {
    self.settings = settings
    self.side = side
    self.mailbox = mailbox
  }

  // MARK: For the WebSocket

  func end(_ code: Int) {
    guard let context, !isOver else { return }
    close(WebSocketErrorCode(codeNumber: code), context)
  }

  // MARK: For the channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let time = TimeAmount(settings.quietTime)
    watch = context.eventLoop.scheduleRepeatedTask(initialDelay: time, delay: time) { _ in
      bound.value.look()
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    finish()
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // What the decoder finds wrong it has answered itself.
    if !(error is NIOWebSocketError) { context.close(promise: nil) }
    finish()
  }

  func read(context: ChannelHandlerContext) {
    if mailbox.mayRead() { context.read() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOver else { return }
    let frame = unwrapInboundIn(data)
    quietLooks = 0
    // Clients mask what they send, servers do not, and no extension was agreed on that could use a
    // reserved bit.
    guard (frame.maskKey != nil) == (side == .server), !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
      return close(.protocolError, context)
    }
    switch frame.opcode {
    case .binary, .text, .continuation: append(frame, context)
    case .ping:
      context.writeAndFlush(
        wrapOutboundOut(side.frame(.pong, frame.unmaskedData)), promise: nil)
    case .pong: break
    case .connectionClose:
      var data = frame.unmaskedData
      close(data.readWebSocketErrorCode() ?? .normalClosure, context)
    default: close(.protocolError, context)
    }
  }

  private func append(_ frame: WebSocketFrame, _ context: ChannelHandlerContext) {
    var message: (opcode: WebSocketOpcode, frames: Int, bytes: ByteBuffer)
    switch (frame.opcode, partial) {
    case (.continuation, let begun?): message = begun
    case (.continuation, nil), (_, .some): return close(.protocolError, context)
    case (let opcode, nil): message = (opcode, 0, ByteBuffer())
    }
    partial = nil
    message.frames += 1
    guard message.frames <= settings.messageFrames,
      message.bytes.readableBytes + frame.length <= settings.messageBytes
    else { return close(.messageTooLarge, context) }
    var bytes = frame.unmaskedData
    if message.frames == 1, frame.fin {
      message.bytes = bytes
    } else {
      message.bytes.writeBuffer(&bytes)
    }
    guard frame.fin else {
      partial = message
      return
    }
    let content = Array(message.bytes.readableBytesView)
    guard message.opcode == .text else { return mailbox.put(.binary(content)) }
    guard let text = String(validating: content, as: UTF8.self) else {
      return close(.dataInconsistentWithMessage, context)
    }
    mailbox.put(.text(text))
  }

  private func close(_ code: WebSocketErrorCode, _ context: ChannelHandlerContext) {
    finish()
    var data = context.channel.allocator.buffer(capacity: 2)
    data.write(webSocketErrorCode: code)
    let channel = context.channel
    // A peer that reads nothing never takes the good-bye.
    let deadline = context.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(side.frame(.connectionClose, data))).whenComplete { _ in
      deadline.cancel()
      channel.close(promise: nil)
    }
  }

  private func look() {
    guard let context, !isOver else { return }
    quietLooks += 1
    if quietLooks > 3 {
      context.close(promise: nil)
    } else {
      context.writeAndFlush(wrapOutboundOut(side.frame(.ping, ByteBuffer())), promise: nil)
    }
  }

  private func finish() {
    isOver = true
    partial = nil
    watch?.cancel()
    watch = nil
    mailbox.end()
  }
}

/// Messages on their way from the channel's event loop to whoever receives them, without a change of threads to
/// ask for one.
final class WebSocketMailbox: Sendable {
  typealias Receiver = CheckedContinuation<WebSocketMessage?, Never>

  /// Messages that are kept; then nothing more is read.
  private static let size = 2

  private struct State {
    var messages: [WebSocketMessage] = []
    var receiver: Receiver?
    var holdsRead = false
    var isOver = false
  }

  private let state = NIOLockedValueBox(State())

  /// Gives the next message, nil at the end, to a receiver.
  func take(_ receiver: Receiver) {
    let message: WebSocketMessage?? = state.withLockedValue { state in
      if !state.messages.isEmpty { return .some(state.messages.removeFirst()) }
      if state.isOver { return .some(nil) }
      precondition(state.receiver == nil, "a WebSocket has one receiver at a time")
      state.receiver = receiver
      return nil
    }
    if let message { receiver.resume(returning: message) }
  }

  func put(_ message: WebSocketMessage) {
    let receiver: Receiver? = state.withLockedValue { state in
      guard let receiver = state.receiver else {
        state.messages.append(message)
        return nil
      }
      state.receiver = nil
      return receiver
    }
    receiver?.resume(returning: message)
  }

  /// There will be no more messages than are kept.
  func end() {
    let receiver: Receiver? = state.withLockedValue { state in
      state.isOver = true
      defer { state.receiver = nil }
      return state.receiver
    }
    receiver?.resume(returning: nil)
  }

  /// Whether there is room for more; if not, `mayReadOn` says so once there is.
  func mayRead() -> Bool {
    state.withLockedValue { state in
      state.holdsRead = state.messages.count >= Self.size
      return !state.holdsRead
    }
  }

  /// Whether a read was held back and there is room now. Says so once.
  func mayReadOn() -> Bool {
    state.withLockedValue { state in
      guard state.holdsRead, state.messages.count < Self.size else { return false }
      state.holdsRead = false
      return true
    }
  }
}
