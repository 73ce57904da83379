import CKernels

extension Tape {
  /// a + b, of the same shape.
  public func add(_ a: Variable, _ b: Variable) -> Variable {
    let (a, b) = (index(a), index(b))
    requireSameShape(a, b)
    let shape = nodes[a].shape
    let (result, y) = emit(shape, .add(a, b), needsGradient: needsGradient(a, b))
    recap_add(y, nodes[a].value, nodes[b].value, shape.count)
    return result
  }

  /// a + b where `b` lacks some of `a`'s leading axes (a bias [d], positions [T, d]) or is [B, 1,
  /// d] against [B, T, d].
  public func add(_ a: Variable, broadcasting b: Variable) -> Variable {
    let (whole, part) = (nodes[index(a)].shape, nodes[index(b)].shape)
    if part.isSuffix(of: whole) { return addPerSample(index(a), index(b), samples: 1) }
    precondition(
      whole.rank == 3 && part.rank == 3 && part[1] == 1 && part[0] == whole[0]
        && part[2] == whole[2],
      "\(part.array) cannot be broadcast over \(whole.array)")
    return addPerSample(index(a), index(b), samples: whole[0])
  }

  /// x [B, T, d] + s [B, d]: one row for all of a sample's.
  public func addPerSample(_ x: Variable, _ s: Variable) -> Variable {
    let (x, s) = (index(x), index(s))
    requirePerSample(x, s)
    return addPerSample(x, s, samples: nodes[x].shape[0])
  }

  private func addPerSample(_ x: Int, _ s: Int, samples: Int) -> Variable {
    let shape = nodes[x].shape
    let (result, y) = emit(
      shape, .addPerSample(x, s, samples: samples), needsGradient: needsGradient(x, s))
    let width = nodes[s].shape.count / samples
    recap_add_per_sample(
      y, nodes[x].value, nodes[s].value, samples, shape.count / (samples * width), width)
    return result
  }

  /// x [B, T, d] ∘ s [B, d].
  public func gate(_ x: Variable, by s: Variable) -> Variable {
    let (x, s) = (index(x), index(s))
    requirePerSample(x, s)
    let shape = nodes[x].shape
    let (result, y) = emit(shape, .gate(x, s), needsGradient: needsGradient(x, s))
    recap_gate(y, nodes[x].value, nodes[s].value, shape[0], shape[1], shape[2], 0)
    return result
  }

  /// Traps unless `x` is [B, T, d] and `s` [B, d].
  func requirePerSample(_ x: Int, _ s: Int, _ operation: StaticString = #function) {
    let (whole, part) = (nodes[x].shape, nodes[s].shape)
    precondition(
      whole.rank == 3 && part == Shape(whole[0], whole[2]),
      "\(operation): expected [B, T, d] and [B, d], got \(whole.array) and \(part.array)")
  }

  /// a ∘ b, of the same shape.
  public func multiply(_ a: Variable, _ b: Variable) -> Variable {
    let (a, b) = (index(a), index(b))
    requireSameShape(a, b)
    let shape = nodes[a].shape
    let (result, y) = emit(shape, .multiply(a, b), needsGradient: needsGradient(a, b))
    recap_multiply(y, nodes[a].value, nodes[b].value, shape.count, 0)
    return result
  }

  /// factor · x.
  public func scale(_ x: Variable, _ factor: Float) -> Variable {
    let x = index(x)
    let shape = nodes[x].shape
    let (result, y) = emit(shape, .scale(x, factor), needsGradient: needsGradient(x))
    recap_scale(y, nodes[x].value, factor, shape.count, 0)
    return result
  }

  /// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))).
  public func gelu(_ x: Variable) -> Variable { activate(x, .gelu, recap_gelu) }

  /// x · sigmoid(x).
  public func silu(_ x: Variable) -> Variable { activate(x, .silu, recap_silu) }

  public func tanh(_ x: Variable) -> Variable { activate(x, .tanh, recap_tanh) }

  private func activate(
    _ x: Variable, _ activation: Activation,
    _ kernel: (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int) -> Void
  ) -> Variable {
    let x = index(x)
    let shape = nodes[x].shape
    let (result, y) = emit(shape, .activation(x, activation), needsGradient: needsGradient(x))
    kernel(y, nodes[x].value, shape.count)
    return result
  }

  /// gelu(gate) ∘ up for x [..., 2f] = (gate | up), giving [..., f] (Shazeer 2020).
  public func gatedGELU(_ x: Variable) -> Variable {
    let x = index(x)
    let shape = nodes[x].shape
    precondition(shape.width % 2 == 0, "gatedGELU: expected an even width, got \(shape.width)")
    let half = shape.width / 2
    let (result, y) = emit(
      shape.replacingWidth(half), .activation(x, .gatedGELU), needsGradient: needsGradient(x))
    let (rows, pointers) = (shape.rows, Shared((y, nodes[x].value)))
    // An exponential costs some ten multiplications.
    share(10 * shape.count, scratch: 0) { part in
      let (y, x) = pointers.value
      let first = rows * part.index / part.count
      let end = rows * (part.index + 1) / part.count
      recap_gated_gelu(y + first * half, x + first * 2 * half, end - first, half)
    }
    return result
  }

  /// Σ of all elements, as a scalar.
  public func sum(_ x: Variable) -> Variable {
    let x = index(x)
    let (result, y) = emit(.scalar, .sum(x), needsGradient: needsGradient(x))
    y[0] = Float(recap_sum(nodes[x].value, nodes[x].shape.count))
    return result
  }

  /// Σ weight · scalar: how losses are put together.
  public func weightedSum(_ terms: [(Variable, Float)]) -> Variable {
    var total: Float = 0
    var needed = false
    for (variable, weight) in terms {
      total += weight * scalar(variable)
      needed = needed || needsGradient(index(variable))
    }
    let (result, y) = emit(
      .scalar, .weightedSum(terms.map { (variable: $0.0, weight: $0.1) }), needsGradient: needed)
    y[0] = total
    return result
  }
}
