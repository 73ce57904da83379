import Networks
import Tensors

/// The first values of the reference networks' parameters, by the names of the specification.
enum ReferenceParameters {
  /// Fills the parameters of a store that a reference network was built in.
  static func fill(_ store: ParameterStore, of model: ReferenceModel) {
    for name in store.names {
      guard let parameter = store.parameter(named: name) else { continue }
      let shape = store.shape(of: parameter)
      let count = shape.reduce(1, *)
      store.setValues(
        of: parameter, to: values(reference(name), shape: shape, count: count))
    }
  }

  private static func values(_ name: String, shape: [Int], count: Int) -> [Float] {
    if name.hasSuffix("norm1") || name.hasSuffix("norm2") || name.hasSuffix("norm_f") {
      return Array(repeating: 1, count: count)
    }
    if name.hasSuffix(".b") { return Array(repeating: 0, count: count) }
    let scale =
      switch name {
      case "img_pos", "val_tok": 0.1
      case "tok_emb": 1.0
      default: (3 / Double(shape[0])).squareRoot()
      }
    return ReferenceData.symmetric(name, count, scale: scale)
  }

  /// The specification's name of a parameter.
  static func reference(_ name: String) -> String {
    let plain = [
      "patch_position": "img_pos", "text": "tok_emb", "readout": "val_tok",
      "vocabulary_head.weight": "lm_head", "backbone.norm.weight": "norm_f",
      "expert.norm.weight": "e.norm_f",
    ]
    if let found = plain[name] { return found }
    let parts = name.split(separator: ".")
    if parts.count > 3, parts[1] == "layers" {
      let prefix = (parts[0] == "backbone" ? "b" : "e") + parts[2] + "."
      let tensors = [
        "attention_norm": "norm1", "attention.qkv": "qkv", "attention.output": "o",
        "feed_forward_norm": "norm2", "feed_forward.gate_up": "gu", "feed_forward.down": "down",
      ]
      let tensor = parts[3...].dropLast().joined(separator: ".")
      guard let found = tensors[tensor] else { preconditionFailure("unknown parameter '\(name)'") }
      return prefix + found
    }
    let layers = [
      "patch": "patch", "state": "state", "action_in": "act_in", "time_in": "time1",
      "time_out": "time2", "action_out": "act_out", "head": "head",
    ]
    guard parts.count == 2, let layer = layers[String(parts[0])] else {
      preconditionFailure("unknown parameter '\(name)'")
    }
    return layer + (parts[1] == "weight" ? ".w" : ".b")
  }
}
