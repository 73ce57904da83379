import NIOCore
import NIOHTTP1

/// Closes a connection whose client dawdles: over a request's head, over its body, or over reading
/// the answer. A handler that thinks for long is not the client's fault and is left alone.
///
/// Used on its channel's event loop alone.
final class ConnectionPatience: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private let limits: HTTPLimits
  private var arrival: Scheduled<Void>?
  private var reading: Scheduled<Void>?

  init(_ limits: HTTPLimits) { self.limits = limits }

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { wait(limits.headTime, context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    wait(limits.headTime, context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    arrival?.cancel()
    reading?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head: wait(limits.bodyTime, context)
    case .body: break
    case .end: arrival?.cancel()
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) { wait(limits.headTime, context) }
    context.write(data, promise: promise)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    reading?.cancel()
    if !context.channel.isWritable { reading = closing(after: limits.unreadTime, context) }
    context.fireChannelWritabilityChanged()
  }

  private func wait(_ time: Duration, _ context: ChannelHandlerContext) {
    arrival?.cancel()
    arrival = closing(after: time, context)
  }

  private func closing(
    after time: Duration, _ context: ChannelHandlerContext
  ) -> Scheduled<Void> {
    let channel = context.channel
    return context.eventLoop.scheduleTask(in: TimeAmount(time)) { channel.close(promise: nil) }
  }
}
