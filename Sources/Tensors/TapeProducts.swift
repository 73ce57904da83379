import CKernels

/// Products with a weight W [inputs, outputs], by whichever of the two libraries is faster.
extension Tape {
  /// C [rows, columns.count] (+)= A [rows, inputs] · columns of W
  func multiply(
    _ a: UnsafePointer<Float>, _ weight: Parameter, into c: UnsafeMutablePointer<Float>, rows: Int,
    columns: Range<Int>, accumulate: Bool
  ) {
    let (inputs, outputs) = lengths(weight)
    let panel = recap_product_panel()
    guard let packed = packedPlain(weight, rows: rows), columns.lowerBound % panel == 0 else {
      return MatrixProduct.multiply(
        a, parameters.valuePointer(weight) + columns.lowerBound, into: c, m: rows,
        n: columns.count, k: inputs, accumulate: accumulate, strideB: outputs)
    }
    let size = recap_product_scratch()
    let panels = (columns.count + panel - 1) / panel
    share(rows * columns.count * inputs, scratch: size) {
      [pointers = Shared((a, packed, c))] part in
      let (a, packed, c) = pointers.value
      let first = panels * part.index / part.count * panel
      let end = min(panels * (part.index + 1) / part.count * panel, columns.count)
      guard first < end else { return }
      MatrixProduct.multiply(
        a, packed: packed, into: c + first, m: rows, n: end - first, k: inputs, depth: inputs,
        firstRow: 0, firstColumn: columns.lowerBound + first, accumulate: accumulate,
        scratch: part.scratch, strideC: columns.count)
    }
  }

  private func packedPlain(_ weight: Parameter, rows: Int) -> UnsafePointer<Float>? {
    let (packed, version) = (parameters.packed, parameters.version)
    if let small = packed.matrix(.plain, slot: weight.index, version: version) { return small }
    guard rows <= PackedWeights.fewRows else { return nil }
    return packed.matrix(.large, slot: weight.index, version: version)
  }

  /// C [rows, inputs] (+)= A [rows, columns.count] · (columns of W)ᵀ
  func multiplyTransposed(
    _ a: UnsafePointer<Float>, _ weight: Parameter, into c: UnsafeMutablePointer<Float>, rows: Int,
    columns: Range<Int>, accumulate: Bool
  ) {
    let (inputs, outputs) = lengths(weight)
    if let packed = parameters.packed.matrix(
      .transposed, slot: weight.index, version: parameters.version)
    {
      MatrixProduct.multiply(
        a, packed: packed, into: c, m: rows, n: inputs, k: columns.count, depth: outputs,
        firstRow: columns.lowerBound, firstColumn: 0, accumulate: accumulate,
        scratch: scratchMemory(recap_product_scratch()))
    } else {
      MatrixProduct.multiply(
        a, parameters.valuePointer(weight) + columns.lowerBound, into: c, m: rows, n: inputs,
        k: columns.count, transposeB: true, accumulate: accumulate, strideB: outputs)
    }
  }

  private func lengths(_ weight: Parameter) -> (inputs: Int, outputs: Int) {
    let shape = parameters.slots[weight.index].shape
    return (shape[0], shape[1])
  }

  // MARK: Sharing out

  /// One thread's part of an operation.
  struct Part {
    let index: Int
    let count: Int
    /// This thread's own.
    let scratch: UnsafeMutablePointer<Float>
  }

  /// Runs `body` for all parts of an operation of `work` multiplications or as many simple steps: in
  /// one where that is too little to be worth waking others.
  func share(_ work: Int, scratch size: Int, _ body: @Sendable (Part) -> Void) {
    guard let team, work >= 100_000 else {
      return body(Part(index: 0, count: 1, scratch: scratchMemory(size)))
    }
    let count = team.count
    let each = FloatMemory.aligned(size)
    let scratch = Shared(scratchMemory(each * count))
    team.run { rank in
      body(Part(index: rank, count: count, scratch: scratch.value + rank * each))
    }
  }
}

/// What several threads may use at once, as whoever wraps it promises.
struct Shared<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}
