import CKernels

/// Products with a weight W [inputs, outputs], by whichever of the two libraries is faster.
extension Tape {
  /// C [rows, columns.count] (+)= A [rows, inputs] · columns of W
  func multiply(
    _ a: UnsafePointer<Float>, _ weight: Parameter, into c: UnsafeMutablePointer<Float>, rows: Int,
    columns: Range<Int>, accumulate: Bool
  ) {
    let (inputs, outputs) = lengths(weight)
    if columns.lowerBound % max(recap_product_panel(), 1) == 0,
      let packed = parameters.packed.matrix(
        .plain, slot: weight.index, version: parameters.version)
    {
      MatrixProduct.multiply(
        a, packed: packed, into: c, m: rows, n: columns.count, k: inputs, depth: inputs,
        firstRow: 0, firstColumn: columns.lowerBound, accumulate: accumulate,
        scratch: scratchMemory(recap_product_scratch()))
    } else {
      MatrixProduct.multiply(
        a, parameters.valuePointer(weight) + columns.lowerBound, into: c, m: rows,
        n: columns.count, k: inputs, accumulate: accumulate, strideB: outputs)
    }
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
}
