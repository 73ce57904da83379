extension ParameterStore {
  /// Replaces every parameter by the tensor of its name; other tensors in the file are left alone.
  /// Nothing changes unless all of them are there.
  ///
  /// - Throws: `SafetensorsError` that names the first tensor that is missing, misshapen or not
  ///   F32.
  public func load(_ file: SafetensorsFile) throws {
    var loaded: [[Float]] = []
    for slot in slots {
      loaded.append(try file.floats(slot.name, shape: slot.shape))
    }
    for (index, values) in loaded.enumerated() {
      setValues(of: Parameter(index: index), to: values)
    }
  }

  /// Adds every parameter to `file` under its name.
  public func store(into file: inout SafetensorsFile) {
    for (index, slot) in slots.enumerated() {
      file.add(slot.name, shape: slot.shape, floats: values(of: Parameter(index: index)))
    }
  }
}
