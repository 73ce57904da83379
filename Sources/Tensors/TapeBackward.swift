import CKernels

extension Tape {
  /// Adds d loss / d parameter to the gradient of every parameter that `loss` depends on.
  ///
  /// - Parameters:
  ///   - loss: A scalar of this pass.
  ///   - whenFinal: Hears of each of the store's parameters, by its number in the order of adding, once nothing more
  ///     will be added to its gradient: first of those that `loss` does not depend on, then of the last ones used.
  /// - Precondition: the pass was started with `reset(recording: true)`.
  public func backward(from loss: Variable, whenFinal: ((Int) -> Void)? = nil) {
    precondition(isRecording, "backward: the pass was started with reset(recording: false)")
    let last = index(loss)
    precondition(
      nodes[last].shape.count == 1, "backward: a loss is one number, not \(nodes[last].shape.array)"
    )
    var uses = whenFinal == nil ? [] : firstUses(through: last)
    if let whenFinal {
      for parameter in uses.indices where uses[parameter].node < 0 { whenFinal(parameter) }
      uses.removeAll { $0.node < 0 }
      uses.sort { ($0.node, $0.parameter) < ($1.node, $1.parameter) }
    }
    gradientTarget(last)?.start[0] = 1
    for node in stride(from: last, through: 0, by: -1) {
      if nodes[node].gradient >= 0 {
        propagate(node)
        release(nodes[node].gradient)
        nodes[node].gradient = -1
      }
      while let whenFinal, let use = uses.last, use.node == node {
        uses.removeLast()
        whenFinal(use.parameter)
      }
    }
    gradients.removeAll(keepingCapacity: true)
  }

  /// The first node that uses each parameter, by the parameter's number; −1 for one that no node uses. The backward
  /// pass reaches it last.
  private func firstUses(through last: Int) -> [(node: Int, parameter: Int)] {
    var uses = parameters.slots.indices.map { (node: -1, parameter: $0) }
    for node in stride(from: last, through: 0, by: -1) {
      for parameter in nodes[node].operation.parameters { uses[parameter.index].node = node }
    }
    return uses
  }

  // MARK: Gradient buffers

  /// Where an operation writes the gradient of node `input`, and whether it must add to what is
  /// there; nil when that input needs none.
  func gradientTarget(
    _ input: Int
  ) -> (start: UnsafeMutablePointer<Float>, accumulates: Int32)? {
    guard nodes[input].needsGradient else { return nil }
    let count = nodes[input].shape.count
    let held = nodes[input].gradient
    guard held >= 0 else {
      gradients.append(Gradient(buffer: pool.take(count), holders: 1))
      nodes[input].gradient = gradients.count - 1
      return (gradients[gradients.count - 1].buffer.start, 0)
    }
    if gradients[held].holders > 1 {
      // Someone else still reads it: continue on a copy.
      let own = pool.take(count)
      own.start.update(from: gradients[held].buffer.start, count: count)
      gradients[held].holders -= 1
      gradients.append(Gradient(buffer: own, holders: 1))
      nodes[input].gradient = gradients.count - 1
      return (own.start, 1)
    }
    return (gradients[held].buffer.start, 1)
  }

  private func release(_ gradient: Int) {
    gradients[gradient].holders -= 1
    if gradients[gradient].holders == 0 { pool.give(gradients[gradient].buffer) }
  }

  /// Gives `input` the gradient of `node` unchanged: shared when nothing has arrived there, added
  /// otherwise.
  private func pass(from node: Int, to input: Int) {
    guard nodes[input].needsGradient else { return }
    let gradient = nodes[node].gradient
    if nodes[input].gradient < 0 {
      gradients[gradient].holders += 1
      nodes[input].gradient = gradient
    } else if let target = gradientTarget(input) {
      // add(x, x): the target has just left the shared buffer, so source and target differ.
      recap_add(
        target.start, target.start, gradients[gradient].buffer.start, nodes[node].shape.count)
    }
  }

  // MARK: One operation back

  private func propagate(_ node: Int) {
    let dy = gradients[nodes[node].gradient].buffer.start
    let shape = nodes[node].shape
    switch nodes[node].operation {
    case .leaf:
      break
    case .parameter(let parameter):
      let target = gradientPointer(parameter)
      recap_add(target, target, dy, shape.count)
    case .linear(let x, let weight, let bias, let firstColumn):
      propagateLinear(x, weight, bias, firstColumn, dy, shape)
    case .add(let a, let b):
      pass(from: node, to: a)
      pass(from: node, to: b)
    case .addPerSample(let x, let s, let samples):
      pass(from: node, to: x)
      if let ds = gradientTarget(s) {
        let width = nodes[s].shape.count / samples
        recap_sum_per_sample(
          ds.start, dy, samples, shape.count / (samples * width), width, ds.accumulates)
      }
    case .multiply(let a, let b):
      for (input, other) in [(a, b), (b, a)] {
        guard let dx = gradientTarget(input) else { continue }
        recap_multiply(dx.start, dy, nodes[other].value, shape.count, dx.accumulates)
      }
    case .scale(let x, let factor):
      if let dx = gradientTarget(x) {
        recap_scale(dx.start, dy, factor, shape.count, dx.accumulates)
      }
    case .activation(let x, let activation):
      propagateActivation(x, activation, node, dy)
    case .rmsNorm(let x, let weight, let inverse):
      let dx = gradientTarget(x)
      recap_rms_norm_backward(
        dx?.start, gradientPointer(weight), dy, nodes[x].value, inverse,
        parameters.valuePointer(weight), shape.rows, shape.width, dx?.accumulates ?? 0)
    case .adaptiveNorm(let x, let scale, let shift, let inverse):
      propagateAdaptiveNorm(x, scale, shift, inverse, dy)
    case .gate(let x, let s):
      if let dx = gradientTarget(x) {
        recap_gate(dx.start, dy, nodes[s].value, shape[0], shape[1], shape[2], dx.accumulates)
      }
      if let ds = gradientTarget(s) {
        recap_gate_backward(
          ds.start, nodes[x].value, dy, shape[0], shape[1], shape[2], ds.accumulates)
      }
    case .embedding(let table, let ids):
      let target = gradientPointer(table)
      for (row, id) in ids.enumerated() {
        let sum = target + Int(id) * shape.width
        recap_add(sum, sum, dy + row * shape.width, shape.width)
      }
    case .rotary(let x, let table, let heads):
      if let dx = gradientTarget(x) {
        recap_rotary(
          dx.start, dy, table.cosine, table.sine, -1, shape[0], shape[1], heads,
          table.headWidth, dx.accumulates)
      }
    case .attention(let record):
      propagateAttention(record, dy)
    case .concatenate(let parts):
      var start = 0
      for part in parts {
        let block = nodes[part.index].shape[1] * shape[2]
        if let dx = gradientTarget(part.index) {
          recap_copy_rows(
            dx.start, block, dy + start, shape[1] * shape[2], shape[0], block, dx.accumulates)
        }
        start += block
      }
    case .slice(let x, let start):
      propagateSlice(x, start, dy, shape)
    case .columns(let x, let start):
      if let whole = zeroedTarget(x) {
        recap_copy_rows(
          whole + start, nodes[x].shape.width, dy, shape.width, shape.rows, shape.width, 1)
      }
    case .reshape(let x):
      pass(from: node, to: x)
    case .softmax(let x):
      if let dx = gradientTarget(x) {
        recap_softmax_backward(
          dx.start, nodes[node].value, dy, shape.rows, shape.width, dx.accumulates)
      }
    case .knownGradient(let x, let gradient):
      if let dx = gradientTarget(x) {
        recap_scale(dx.start, gradient, dy[0], nodes[x].shape.count, dx.accumulates)
      }
    case .squaredError(let x, let target, let weights, let total):
      propagateSquaredError(x, target, weights, total > 0 ? 2 * dy[0] / total : 0)
    case .sum(let x):
      if let dx = gradientTarget(x) {
        let count = nodes[x].shape.count
        if dx.accumulates == 0 { dx.start.update(repeating: 0, count: count) }
        recap_add_per_sample(dx.start, dx.start, dy, 1, count, 1)
      }
    case .weightedSum(let terms):
      for term in terms {
        if let dx = gradientTarget(term.variable.index) {
          recap_scale(dx.start, dy, term.weight, 1, dx.accumulates)
        }
      }
    }
  }

  /// dW += xᵀ dy, db += Σ dy, dx = dy Wᵀ
  private func propagateLinear(
    _ x: Int, _ weight: Parameter, _ bias: Parameter?, _ firstColumn: Int,
    _ dy: UnsafeMutablePointer<Float>, _ shape: Shape
  ) {
    let inputs = nodes[x].shape.width
    let columns = parameters.slots[weight.index].shape[1]
    MatrixProduct.multiply(
      nodes[x].value, dy, into: gradientPointer(weight) + firstColumn, m: inputs,
      n: shape.width, k: shape.rows, transposeA: true, accumulate: true, strideC: columns)
    if let bias {
      recap_sum_per_sample(
        gradientPointer(bias) + firstColumn, dy, 1, shape.rows, shape.width, 1)
    }
    if let dx = gradientTarget(x) {
      multiplyTransposed(
        dy, weight, into: dx.start, rows: shape.rows,
        columns: firstColumn..<firstColumn + shape.width, accumulate: dx.accumulates != 0)
    }
  }

  private func propagateActivation(
    _ x: Int, _ activation: Activation, _ node: Int, _ dy: UnsafeMutablePointer<Float>
  ) {
    guard let dx = gradientTarget(x) else { return }
    let input = nodes[x]
    let count = input.shape.count
    switch activation {
    case .gelu: recap_gelu_backward(dx.start, input.value, dy, count, dx.accumulates)
    case .silu: recap_silu_backward(dx.start, input.value, dy, count, dx.accumulates)
    case .tanh: recap_tanh_backward(dx.start, nodes[node].value, dy, count, dx.accumulates)
    case .gatedGELU:
      recap_gated_gelu_backward(
        dx.start, input.value, dy, input.shape.rows, input.shape.width / 2, dx.accumulates)
    }
  }

  private func propagateAdaptiveNorm(
    _ x: Int, _ scale: Int, _ shift: Int, _ inverse: UnsafeMutablePointer<Float>,
    _ dy: UnsafeMutablePointer<Float>
  ) {
    let shape = nodes[x].shape
    let dx = gradientTarget(x)
    let dscale = zeroedTarget(scale)
    let dshift = zeroedTarget(shift)
    recap_adaptive_norm_backward(
      dx?.start, dscale, dshift, dy, nodes[x].value, inverse, nodes[scale].value, shape[0],
      shape[1], shape[2], dx?.accumulates ?? 0)
  }

  /// A target that the kernel always adds to.
  private func zeroedTarget(_ input: Int) -> UnsafeMutablePointer<Float>? {
    guard let target = gradientTarget(input) else { return nil }
    if target.accumulates == 0 {
      target.start.update(repeating: 0, count: nodes[input].shape.count)
    }
    return target.start
  }

  private func propagateSlice(
    _ x: Int, _ start: Int, _ dy: UnsafeMutablePointer<Float>, _ shape: Shape
  ) {
    guard let whole = zeroedTarget(x) else { return }
    let block = shape[1] * shape[2]
    recap_copy_rows(
      whole + start * shape[2], nodes[x].shape[1] * shape[2], dy, block, shape[0], block, 1)
  }
}
