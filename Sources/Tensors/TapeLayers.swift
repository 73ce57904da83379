import CKernels

extension Tape {
  /// x [..., in] · weight [in, out] + bias [out].
  ///
  /// - Parameter columns: Only these columns of the weight and elements of the bias; nil for all.
  public func linear(
    _ x: Variable, weight: Parameter, bias: Parameter? = nil, columns: Range<Int>? = nil
  ) -> Variable {
    let x = index(x)
    let shape = nodes[x].shape
    let weightShape = parameters.slots[weight.index].shape
    precondition(
      shape.rank > 0 && weightShape.count == 2 && weightShape[0] == shape.width,
      "linear: weight '\(parameters.name(of: weight))' \(weightShape) does not take \(shape.array)")
    let columns = columns ?? 0..<weightShape[1]
    precondition(
      columns.lowerBound >= 0 && columns.upperBound <= weightShape[1] && !columns.isEmpty,
      "linear: weight '\(parameters.name(of: weight))' \(weightShape) has no columns \(columns)")
    let (result, y) = emit(
      shape.replacingWidth(columns.count),
      .linear(x, weight: weight, bias: bias, firstColumn: columns.lowerBound),
      needsGradient: isRecording)
    if let bias {
      precondition(
        parameters.slots[bias.index].count == weightShape[1],
        "linear: bias '\(parameters.name(of: bias))' does not have \(weightShape[1]) elements")
      recap_fill_rows(
        y, parameters.valuePointer(bias) + columns.lowerBound, shape.rows, columns.count)
    }
    multiply(
      nodes[x].value, weight, into: y, rows: shape.rows, columns: columns, accumulate: bias != nil)
    return result
  }

  /// x / √(mean(x²) + ε) ∘ weight over the innermost axis (Zhang and Sennrich 2019).
  public func rmsNorm(
    _ x: Variable, weight: Parameter, epsilon: Float = 1e-6
  ) -> Variable {
    let x = index(x)
    let shape = nodes[x].shape
    precondition(
      parameters.slots[weight.index].count == shape.width,
      "rmsNorm: weight '\(parameters.name(of: weight))' does not have \(shape.width) elements")
    let inverse = memory(shape.rows)
    let (result, y) = emit(
      shape, .rmsNorm(x, weight: weight, inverse: inverse), needsGradient: isRecording)
    recap_rms_norm(
      y, inverse, nodes[x].value, parameters.valuePointer(weight), shape.rows, shape.width, epsilon)
    return result
  }

  /// x / √(mean(x²) + ε) ∘ (1 + scale) + shift for x [B, T, d] and scale, shift [B, d] (Peebles and
  /// Xie 2023).
  public func adaptiveRMSNorm(
    _ x: Variable, scale: Variable, shift: Variable, epsilon: Float = 1e-6
  ) -> Variable {
    let (x, scale, shift) = (index(x), index(scale), index(shift))
    requirePerSample(x, scale)
    requirePerSample(x, shift)
    let shape = nodes[x].shape
    let inverse = memory(shape.rows)
    let (result, y) = emit(
      shape, .adaptiveNorm(x, scale: scale, shift: shift, inverse: inverse),
      needsGradient: needsGradient(x, scale, shift))
    recap_adaptive_norm(
      y, inverse, nodes[x].value, nodes[scale].value, nodes[shift].value, shape[0], shape[1],
      shape[2], epsilon)
    return result
  }

  /// The rows `ids` of table [V, d], as shape + [d].
  ///
  /// - Precondition: as many ids as `shape` says, each in 0..<V.
  public func embedding(table: Parameter, ids: [Int32], shape: [Int]) -> Variable {
    let slot = parameters.slots[table.index]
    precondition(slot.shape.count == 2, "embedding: table '\(slot.name)' has shape \(slot.shape)")
    let (rows, width) = (slot.shape[0], slot.shape[1])
    precondition(
      shape.reduce(1, *) == ids.count, "embedding: \(ids.count) ids do not fill \(shape)")
    let (result, y) = emit(
      Shape(shape + [width]), .embedding(table, ids: ids), needsGradient: isRecording)
    let source = parameters.valuePointer(table)
    for (row, id) in ids.enumerated() {
      precondition(
        id >= 0 && id < rows, "embedding: table '\(slot.name)' has \(rows) rows, not id \(id)")
      (y + row * width).update(from: source + Int(id) * width, count: width)
    }
    return result
  }

  /// Camera images as rows of patches, each pixel channel p as p / 127.5 − 1.
  ///
  /// - Parameters:
  ///   - images: [samples, cameras, height, width, 3]
  ///   - patch: Side of a patch in pixels; a divisor of height and width.
  /// - Returns: [samples, cameras · height / patch · width / patch, patch · patch · 3]: patches by
  ///   camera, row and column, values by y, x and channel.
  public func imagePatches(
    _ images: [UInt8], samples: Int, cameras: Int, height: Int, width: Int, patch: Int
  ) -> Variable {
    precondition(
      images.count == samples * cameras * height * width * 3 && height % patch == 0
        && width % patch == 0,
      "imagePatches: \(images.count) bytes are not \(samples) x \(cameras) images of "
        + "\(height) x \(width) in patches of \(patch)")
    let count = cameras * (height / patch) * (width / patch)
    let (result, y) = emit(
      Shape(samples, count, patch * patch * 3), .leaf, needsGradient: false)
    recap_image_patches(y, images, samples * cameras, images, height, width, patch, 1)
    return result
  }

  /// Rotary positions on x [B, T, heads · headWidth]: turns the pair (i, i + headWidth / 2) of each
  /// head of row t by positions[t] · base^(−2i / headWidth) (Su et al. 2021, halves as in Gemma).
  public func rotary(
    _ x: Variable, heads: Int, positions: [Int32], base: Float = 10_000
  ) -> Variable {
    let x = index(x)
    let shape = nodes[x].shape
    precondition(
      shape.rank == 3 && shape[1] == positions.count && shape[2] % (2 * heads) == 0,
      "rotary: \(heads) heads at \(positions.count) positions do not fit \(shape.array)")
    let headWidth = shape[2] / heads
    let table = rotaryTable(positions, headWidth, base)
    let (result, y) = emit(
      shape, .rotary(x, table, heads: heads), needsGradient: needsGradient(x))
    recap_rotary(
      y, nodes[x].value, table.cosine, table.sine, 1, shape[0], shape[1], heads, headWidth, 0)
    return result
  }

  /// Tables are few and asked for in every layer of every pass: a sine costs more than finding one.
  private func rotaryTable(_ positions: [Int32], _ headWidth: Int, _ base: Float) -> RotaryTable {
    if let found = rotaryTables.first(where: {
      $0.headWidth == headWidth && $0.base == base && $0.positions == positions
    }) {
      return found
    }
    if rotaryTables.count >= 64 { rotaryTables.removeAll() }
    let table = RotaryTable(positions: positions, headWidth: headWidth, base: base)
    rotaryTables.append(table)
    return table
  }

  /// Joins variables [B, T_i, d] along axis 1: [B, Σ T_i, d].
  public func concatenate(_ parts: [Variable]) -> Variable {
    guard let first = parts.first else { preconditionFailure("concatenate: expected a part") }
    var shape = nodes[index(first)].shape
    var needed = false
    var rows = 0
    for part in parts {
      let other = nodes[index(part)].shape
      precondition(
        other.rank == 3 && other[0] == shape[0] && other[2] == shape[2],
        "concatenate: \(other.array) does not continue \(shape.array) along axis 1")
      rows += other[1]
      needed = needed || needsGradient(index(part))
    }
    shape[1] = rows
    let (result, y) = emit(shape, .concatenate(parts), needsGradient: needed)
    var start = 0
    for part in parts {
      let node = nodes[part.index]
      let block = node.shape[1] * shape[2]
      recap_copy_rows(
        y + start, rows * shape[2], node.value, block, shape[0], block, 0)
      start += block
    }
    return result
  }

  /// Rows `rows` of axis 1 of x [B, T, d]: [B, rows.count, d].
  public func slice(_ x: Variable, rows: Range<Int>) -> Variable {
    let x = index(x)
    let shape = nodes[x].shape
    precondition(
      shape.rank == 3 && rows.lowerBound >= 0 && rows.upperBound <= shape[1] && !rows.isEmpty,
      "slice: rows \(rows) are not in \(shape.array)")
    let (result, y) = emit(
      Shape(shape[0], rows.count, shape[2]), .slice(x, start: rows.lowerBound),
      needsGradient: needsGradient(x))
    let block = rows.count * shape[2]
    recap_copy_rows(
      y, block, nodes[x].value + rows.lowerBound * shape[2], shape[1] * shape[2], shape[0], block, 0
    )
    return result
  }

  /// Columns `columns` of the innermost axis of x [..., n]: [..., columns.count].
  public func columns(_ x: Variable, _ columns: Range<Int>) -> Variable {
    let x = index(x)
    let shape = nodes[x].shape
    precondition(
      columns.lowerBound >= 0 && columns.upperBound <= shape.width && !columns.isEmpty,
      "columns: \(columns) are not in \(shape.array)")
    let (result, y) = emit(
      shape.replacingWidth(columns.count), .columns(x, start: columns.lowerBound),
      needsGradient: needsGradient(x))
    recap_copy_rows(
      y, columns.count, nodes[x].value + columns.lowerBound, shape.width, shape.rows,
      columns.count, 0)
    return result
  }
}
