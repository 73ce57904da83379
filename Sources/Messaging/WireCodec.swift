import Foundation

/// Turns messages into multipart frames and back; `WireProtocol.md` describes every frame.
public enum WireCodec {
  /// Frame 0 of every message.
  public static let protocolVersion = "recap/1"
  private static let protocolBytes = Array(protocolVersion.utf8)
  private static let protocolFrame = Frame(protocolBytes)
  /// The largest header, in bytes: orders and receipts stay far below it.
  public static let maximumHeaderBytes = 16 << 20
  /// The largest number of raw frames in one message.
  public static let maximumFrames = 256

  /// A message's frames: protocol, header, then `frames` untouched.
  ///
  /// - Throws: `RequestError.malformed` when the body cannot be encoded or is too large.
  public static func encode<Body: Encodable>(
    id: String, type: String, kind: WireMessage.Kind, body: Body, frames: [Frame]
  ) throws -> [Frame] {
    guard frames.count <= maximumFrames else {
      throw RequestError.malformed(
        "\(type): \(frames.count) raw frames; at most \(maximumFrames) fit")
    }
    let json = try WireHeader.text(id: id, type: type, kind: kind, frames: frames) { json in
      if let direct = body as? any DirectBody, direct.write(to: &json) { return }
      do {
        json.append(json: try makeEncoder().encode(body))
      } catch {
        throw RequestError.malformed("\(type): the body cannot be written as JSON: \(error)")
      }
    }
    guard json.count <= maximumHeaderBytes else {
      throw RequestError.malformed(
        "\(type): a header of \(json.count) bytes; at most \(maximumHeaderBytes) fit")
    }
    return [protocolFrame, Frame(json)] + frames
  }

  /// Reads a message; its body stays JSON until its type is known.
  public static func decode(_ frames: [Frame]) throws(WireError) -> WireMessage {
    guard frames.count >= 2 else {
      throw WireError("expected a protocol frame and a header frame, got \(frames.count) frames")
    }
    guard frames[1].count <= maximumHeaderBytes else {
      throw WireError(
        "the header has \(frames[1].count) bytes; at most \(maximumHeaderBytes) are allowed")
    }
    let text = frames[1].bytes
    if frames[0].count == protocolBytes.count, frames[0].bytes == protocolBytes,
      let header = WireHeader(scanning: text)
    {
      let head = HeaderHead(
        id: header.id, type: header.type, kind: header.kind, frames: header.frames)
      return try message(head, frames, text, body: header.body)
    }
    return try decodeUnusual(frames, text)
  }

  /// Reads any message, or says what is wrong with it.
  static func decodeUnusual(
    _ frames: [Frame], _ text: [UInt8]
  ) throws(WireError) -> WireMessage {
    let version = String(decoding: frames[0].bytes.prefix(64), as: UTF8.self)
    let json = Data(text)
    guard version == protocolVersion else {
      throw WireError(
        "protocol version '\(version)' is not understood here; this side speaks"
          + " '\(protocolVersion)'",
        id: try? JSONDecoder().decode(HeaderID.self, from: json).id)
    }
    let head: HeaderHead
    do {
      head = try JSONDecoder().decode(HeaderHead.self, from: json)
    } catch {
      throw WireError(
        "the header is not valid: \(explain(error))",
        id: try? JSONDecoder().decode(HeaderID.self, from: json).id)
    }
    return try message(head, frames, text, body: nil)
  }

  /// - Parameter body: Where it lies in the header's text; nil where that is not known.
  private static func message(
    _ head: HeaderHead, _ frames: [Frame], _ text: [UInt8], body: Range<Int>?
  ) throws(WireError) -> WireMessage {
    let raw = frames.dropFirst(2)
    let described = head.frames ?? []
    guard described.count == raw.count else {
      throw WireError(
        "the header describes \(described.count) raw frames, the message has \(raw.count)", head)
    }
    guard raw.count <= maximumFrames else {
      throw WireError("\(raw.count) raw frames; at most \(maximumFrames) are allowed", head)
    }
    var tensors: [Frame] = []
    for (index, (frame, description)) in zip(raw, described).enumerated() {
      do {
        tensors.append(try frame.described(as: description))
      } catch {
        throw WireError("raw frame \(index): \(error)", head)
      }
    }
    return WireMessage(
      id: head.id, type: head.type, kind: head.kind, frames: tensors, header: text, place: body)
  }

  /// Numbers that JSON lacks are written as the strings "NaN", "Infinity" and "-Infinity".
  static func makeEncoder() -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return encoder
  }

  static func makeDecoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return decoder
  }
}

/// A message whose body is not decoded yet.
public struct WireMessage: Sendable {
  /// What a message is.
  public enum Kind: String, Codable, Sendable {
    case request
    case reply
    case error
  }

  /// Ties a reply to its request; unique among the sender's unanswered requests.
  public let id: String
  public let type: String
  public let kind: Kind
  /// The raw frames, as described by the header.
  public let frames: [Frame]
  let header: [UInt8]
  /// Where the body lies in the header; nil where that is not known.
  let place: Range<Int>?

  /// Decodes the header's `body`.
  ///
  /// - Throws: `RequestError.malformed`, naming the field.
  public func body<Body: Decodable>(as _: Body.Type) throws -> Body {
    if let place {
      if let direct = Body.self as? any DirectBody.Type {
        var json = JSONScanner(header, place)
        if let body = direct.init(reading: &json), json.isAtEnd(), let body = body as? Body {
          return body
        }
      }
      if let body = try? WireCodec.makeDecoder().decode(Body.self, from: Data(header[place])) {
        return body
      }
    }
    do {
      return try WireCodec.makeDecoder().decode(HeaderBody<Body>.self, from: Data(header)).body
    } catch {
      throw RequestError.malformed("\(type): \(explain(error))")
    }
  }

  /// Reads the message as the answer to a request `R`.
  ///
  /// - Throws: `RequestError.refused` with the other side's words when it is an error.
  public func reply<R: Request>(to _: R.Type) throws -> Envelope<R.Reply> {
    switch kind {
    case .error:
      throw RequestError.refused(type: R.type, reason: try body(as: ErrorBody.self).reason)
    case .reply where type == R.type:
      return Envelope(try body(as: R.Reply.self), frames: frames)
    case .reply, .request:
      throw RequestError.malformed(
        "expected the reply to \(R.type), got a \(kind.rawValue) of type \(type)")
    }
  }
}

/// The body of an error message.
struct ErrorBody: Codable {
  var reason: String
}

/// Why a message could not be read, and whose it was as far as that could be told.
public struct WireError: Error, CustomStringConvertible {
  public let reason: String
  /// The message's id, empty if it could not be read.
  public let id: String
  /// The message's type, empty if it could not be read.
  public let type: String

  init(_ reason: String, id: String? = nil, type: String? = nil) {
    self.reason = reason
    self.id = id ?? ""
    self.type = type ?? ""
  }

  init(_ reason: String, _ head: HeaderHead) {
    self.init(reason, id: head.id, type: head.type)
  }

  public var description: String { reason }
}

/// Frame 1 without its body, whose type is not known before this is read.
struct HeaderHead: Decodable {
  var id: String
  var type: String
  var kind: WireMessage.Kind
  var frames: [FrameDescription]?
}

/// All that is worth reading in a header of another version.
private struct HeaderID: Decodable {
  var id: String
}

private struct HeaderBody<Body: Decodable>: Decodable {
  var body: Body
}

/// Says where in a JSON document what was expected.
func explain(_ error: any Error) -> String {
  func path(_ context: DecodingError.Context) -> String {
    context.codingPath.reduce("") { path, key in
      if let index = key.intValue { return "\(path)[\(index)]" }
      return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
    }
  }
  func at(_ context: DecodingError.Context) -> String {
    let path = path(context)
    return path.isEmpty ? "" : "\(path): "
  }
  switch error {
  case DecodingError.keyNotFound(let key, let context):
    return "\(at(context))'\(key.stringValue)' is missing"
  case DecodingError.typeMismatch(let type, let context):
    return "\(at(context))expected \(type): \(context.debugDescription)"
  case DecodingError.valueNotFound(let type, let context):
    return "\(at(context))expected \(type), got null"
  case DecodingError.dataCorrupted(let context):
    return "\(at(context))\(context.debugDescription)"
  default:
    return String(describing: error)
  }
}
