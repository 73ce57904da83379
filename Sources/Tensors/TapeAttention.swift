import CKernels

extension Tape {
  /// softmax(Q Kᵀ / √headWidth + mask) V for each head (Vaswani et al. 2017; grouped queries:
  /// Ainslie et al. 2023).
  ///
  /// Query head h reads key-value head h / (heads / keyValueHeads). A query that sees no key gets
  /// zeros.
  ///
  /// - Parameters:
  ///   - query: [B, Tq, heads · headWidth]
  ///   - key: [B, Tk, keyValueHeads · headWidth]; `value` likewise.
  ///   - keyValueHeads: A divisor of `heads`.
  ///   - mask: nil lets every query see every key.
  /// - Returns: [B, Tq, heads · headWidth]
  public func attention(
    query: Variable, key: Variable, value: Variable, heads: Int, keyValueHeads: Int,
    mask: AttentionMask? = nil
  ) -> Variable {
    let q = index(query)
    let k = distinct(index(key), from: q)
    let v = distinct(distinct(index(value), from: q), from: k)
    let shape = nodes[q].shape
    let keyShape = nodes[k].shape
    requireSameShape(k, v)
    precondition(
      shape.rank == 3 && keyShape.rank == 3 && shape[0] == keyShape[0]
        && keyValueHeads > 0 && heads % keyValueHeads == 0 && shape[2] % heads == 0
        && keyShape[2] == keyValueHeads * (shape[2] / heads),
      "attention: \(heads) heads over \(shape.array), \(keyValueHeads) over \(keyShape.array)")
    if let mask {
      precondition(
        mask.queries == shape[1] && mask.keys == keyShape[1]
          && (mask.samples ?? shape[0]) == shape[0],
        "attention: the mask is for \(mask.queries) queries and \(mask.keys) keys, "
          + "got \(shape.array) and \(keyShape.array)")
    }
    var record = AttentionRecord(
      query: q, key: k, value: v, heads: heads, keyValueHeads: keyValueHeads, mask: mask)
    let needed = needsGradient(q, k, v)
    if needed {
      record.probabilities = memory(
        shape[0] * heads * shape[1] * recap_attention_padded_keys(keyShape[1]))
    }
    let (result, y) = emit(shape, .attention(record), needsGradient: needed)
    withDescription(of: record) { description in
      let work = 2 * shape.count * keyShape[1]
      let pointers = Shared(
        (y, record.probabilities, nodes[q].value, nodes[k].value, nodes[v].value))
      let whole = Shared(description)
      share(work, scratch: recap_attention_scratch(&description)) { part in
        let (y, probabilities, q, k, v) = pointers.value
        var description = whole.value
        description.firstHead = keyValueHeads * part.index / part.count
        description.endHead = keyValueHeads * (part.index + 1) / part.count
        recap_attention(&description, y, probabilities, q, k, v, part.scratch)
      }
    }
    return result
  }

  /// A node of its own for one variable in two places, as the kernel writes the three gradients at
  /// once.
  private func distinct(_ x: Int, from other: Int) -> Int {
    guard x == other else { return x }
    let node = nodes[x]
    return alias(node.value, node.shape, .reshape(x), needsGradient: node.needsGradient).index
  }

  /// The kernel's view of one attention.
  private func withDescription(
    of record: AttentionRecord, _ body: (inout RecapAttention) -> Void
  ) {
    let (shape, keyShape) = (nodes[record.query].shape, nodes[record.key].shape)
    var description = RecapAttention(
      samples: shape[0], queries: shape[1], keys: keyShape[1], heads: record.heads,
      keyValueHeads: record.keyValueHeads, headWidth: shape[2] / record.heads, bias: nil,
      biasStride: 0, firstHead: 0, endHead: record.keyValueHeads)
    guard let mask = record.mask else { return body(&description) }
    mask.bias.withUnsafeBufferPointer { bias in
      description.bias = bias.baseAddress
      description.biasStride = mask.samples == nil ? 0 : bias.count / shape[0]
      body(&description)
    }
  }

  func propagateAttention(_ record: AttentionRecord, _ dy: UnsafeMutablePointer<Float>) {
    let q = gradientTarget(record.query)
    let k = gradientTarget(record.key)
    let v = gradientTarget(record.value)
    withDescription(of: record) { description in
      let scratch = scratchMemory(recap_attention_scratch(&description))
      recap_attention_backward(
        &description, q?.start, k?.start, v?.start, dy, record.probabilities!,
        nodes[record.query].value, nodes[record.key].value, nodes[record.value].value, scratch,
        q?.accumulates ?? 0, k?.accumulates ?? 0, v?.accumulates ?? 0)
    }
  }
}
