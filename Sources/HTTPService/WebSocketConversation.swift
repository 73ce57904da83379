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

  private static let inboxSize = 2

  private let settings: WebSocketSettings
  private let side: WebSocket.Side
  private let loop: any EventLoop
  private var context: ChannelHandlerContext?
  private var inbox: [WebSocketMessage] = []
  private var receiver: EventLoopPromise<WebSocketMessage?>?
  /// The message that is arriving.
  private var partial: (opcode: WebSocketOpcode, frames: Int, bytes: ByteBuffer)?
  private var holdsRead = false
  private var isOver = false
  private var watch: RepeatedTask?
  /// Looks of the watch since the peer's last frame.
  private var quietLooks = 0

  init(_ settings: WebSocketSettings, _ side: WebSocket.Side, on loop: any EventLoop) {
    self.settings = settings
    self.side = side
    self.loop = loop
  }

  // MARK: For the WebSocket

  func next() -> EventLoopFuture<WebSocketMessage?> {
    guard inbox.isEmpty else {
      let message = inbox.removeFirst()
      if holdsRead {
        holdsRead = false
        context?.read()
      }
      return loop.makeSucceededFuture(message)
    }
    if isOver { return loop.makeSucceededFuture(nil) }
    precondition(receiver == nil, "a WebSocket has one receiver at a time")
    let promise = loop.makePromise(of: WebSocketMessage?.self)
    receiver = promise
    return promise.futureResult
  }

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
    if inbox.count < Self.inboxSize { context.read() } else { holdsRead = true }
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
    guard message.opcode == .text else { return deliver(.binary(content)) }
    guard let text = String(validating: content, as: UTF8.self) else {
      return close(.dataInconsistentWithMessage, context)
    }
    deliver(.text(text))
  }

  private func deliver(_ message: WebSocketMessage) {
    if let receiver {
      self.receiver = nil
      receiver.succeed(message)
    } else {
      inbox.append(message)
    }
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
    receiver?.succeed(nil)
    receiver = nil
  }
}
