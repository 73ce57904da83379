import Episodes

/// What clients send, for programs of our own that ask a server.
public enum ServingMessages {
  /// An observation under LeRobot's names, as `openpi-client` would write it.
  public static func observation(
    _ observation: Observation, of embodiment: Embodiment, prompt: String?
  ) -> [UInt8] {
    func entry(_ name: String, _ value: MessagePackValue) -> MessagePackValue.Entry {
      .init(key: .string(name), value: value)
    }
    func row(_ values: [Float]) -> MessagePackValue {
      .numpy(NumPyArray(values, shape: [values.count]))
    }
    var entries = [entry("observation.state", row(observation.proprioception))]
    if !observation.environmentState.isEmpty {
      entries.append(entry("observation.environment_state", row(observation.environmentState)))
    }
    for (camera, image) in zip(embodiment.cameras, observation.images) {
      guard
        let picture = NumPyArray(image, height: camera.height, width: camera.width)
      else { continue }
      entries.append(entry("observation.images.\(camera.name)", .numpy(picture)))
    }
    if let prompt { entries.append(entry("prompt", .string(prompt))) }
    return MessagePackValue.map(entries).message
  }
}

extension NumPyArray {
  /// A picture, [height, width, 3]; nil for another number of bytes.
  fileprivate init?(_ pixels: [UInt8], height: Int, width: Int) {
    guard let type = ElementType("|u1") else { return nil }
    self.init(type: type, shape: [height, width, 3], bytes: pixels[...])
  }
}
