import CKernels
import Foundation

extension Tape {
  /// exp(x) / Σ exp(x) over the innermost axis.
  public func softmax(_ x: Variable) -> Variable {
    let x = index(x)
    let shape = nodes[x].shape
    let (result, y) = emit(shape, .softmax(x), needsGradient: needsGradient(x))
    recap_softmax(y, nodes[x].value, shape.rows, shape.width)
    return result
  }

  /// Weighted mean over rows of −log softmax(logits)[target], in nats, as a scalar. Zero when no
  /// row counts.
  ///
  /// - Parameters:
  ///   - logits: [..., C], N rows in all.
  ///   - targets: N classes in 0..<C; rows of −1 are left out of the mean.
  ///   - weights: N non-negative weights; nil weighs all rows alike.
  ///   - total: What the weighted sum is divided by; nil for the sum of the weights that count. The
  ///     losses of a batch's slices add up to the batch's if all have the batch's total.
  public func softmaxCrossEntropy(
    logits: Variable, targets: [Int32], weights: [Float]? = nil, total: Float? = nil
  ) -> Variable {
    let x = index(logits)
    let shape = nodes[x].shape
    let (rows, classes) = (shape.rows, shape.width)
    precondition(
      targets.count == rows && (weights?.count ?? rows) == rows,
      "softmaxCrossEntropy: \(rows) rows, \(targets.count) targets, \(weights?.count ?? rows) weights"
    )
    for target in targets {
      precondition(
        target >= -1 && target < classes,
        "softmaxCrossEntropy: expected a class in 0..<\(classes) or −1, got \(target)")
    }
    // The gradient comes almost for free with the value.
    let gradient = needsGradient(x) ? memory(shape.count) : nil
    let operation: Operation = gradient.map { .knownGradient(x, $0) } ?? .leaf
    let (result, y) = emit(.scalar, operation, needsGradient: needsGradient(x))
    y[0] = Float(
      withOptional(weights) {
        recap_cross_entropy(
          gradient, nodes[x].value, targets, $0, rows, classes, Double(total ?? 0))
      })
    return result
  }

  /// Σ w (x − target)² / Σ w over elements, as a scalar. Zero when the weights sum to nothing.
  ///
  /// - Parameters:
  ///   - target: Of the same shape.
  ///   - weights: One non-negative weight an element; nil weighs all alike.
  ///   - total: What the sum is divided by; nil for Σ w. See `softmaxCrossEntropy`.
  public func meanSquaredError(
    _ x: Variable, target: Variable, weights: [Float]? = nil, total: Float? = nil
  ) -> Variable {
    let (x, target) = (index(x), index(target))
    requireSameShape(x, target)
    let count = nodes[x].shape.count
    precondition(
      (weights?.count ?? count) == count,
      "meanSquaredError: \(count) elements, \(weights?.count ?? count) weights")
    let needed = needsGradient(x, target)
    var kept: UnsafeMutablePointer<Float>?
    let total = total ?? weights.map { Float(recap_sum($0, count)) } ?? Float(count)
    if let weights {
      if needed {
        let copy = memory(count)
        weights.withUnsafeBufferPointer { copy.update(from: $0.baseAddress!, count: count) }
        kept = copy
      }
    }
    let (result, y) = emit(
      .scalar, .squaredError(x, target, weights: kept, total: total), needsGradient: needed)
    y[0] = Float(
      withOptional(weights) {
        recap_squared_error(
          nodes[x].value, nodes[target].value, $0, count, Double(total))
      })
    return result
  }

  /// −Σ (r A − |A| (r − 1)² / (2 ε)) / total over samples, as a scalar: the policy-gradient loss with
  /// the quadratic trust region of SPO (simple policy optimization, arXiv 2401.16025), where the
  /// log-likelihood of a sample is taken to be −½ Σ w (x − target)², that of a unit Gaussian, and r
  /// is its ratio to a reference: r = exp(reference − ½ Σ w (x − target)²).
  ///
  /// The best r is 1 + ε for a good sample and 1 − ε for a bad one.
  ///
  /// - Parameters:
  ///   - x: [B, ...]; `target` and `weights` (≥ 0) have its shape. Only `x` is given a gradient.
  ///   - reference: ½ Σ w (x₀ − target)² of each sample under the policy that it is compared with,
  ///     [B].
  ///   - advantages: A, [B].
  ///   - trust: ε > 0.
  ///   - total: What the sum is divided by; nil for B. See `softmaxCrossEntropy`.
  public func trustRegionLoss(
    _ x: Variable, target: Variable, weights: [Float], reference: [Float], advantages: [Float],
    trust: Float, total: Float? = nil
  ) -> Variable {
    let (x, target) = (index(x), index(target))
    requireSameShape(x, target)
    let count = nodes[x].shape.count
    let samples = reference.count
    precondition(
      samples > 0 && count.isMultiple(of: samples) && weights.count == count
        && advantages.count == samples,
      "trustRegionLoss: \(count) elements, \(weights.count) weights, \(samples) references, "
        + "\(advantages.count) advantages")
    let (values, targets) = (nodes[x].value, nodes[target].value)
    let gradient = needsGradient(x) ? memory(count) : nil
    let size = count / samples
    let share = 1 / (total ?? Float(samples))
    var loss = 0.0
    for sample in 0..<samples {
      let own = sample * size..<(sample + 1) * size
      let error = Self.halfSquaredError(values, targets, weights, own)
      // So far from the reference nothing is learnt but the way back, and exp must not overflow.
      let ratio = exp(min(max(reference[sample] - error, -20), 20))
      let advantage = advantages[sample]
      let pull = advantage - abs(advantage) * (ratio - 1) / trust
      let objective =
        ratio * advantage - abs(advantage) * (ratio - 1) * (ratio - 1) / (2 * trust)
      loss -= Double(share * objective)
      guard let gradient else { continue }
      for place in own {
        gradient[place] = share * pull * ratio * weights[place] * (values[place] - targets[place])
      }
    }
    let operation: Operation = gradient.map { .knownGradient(x, $0) } ?? .leaf
    let (result, y) = emit(.scalar, operation, needsGradient: needsGradient(x))
    y[0] = Float(loss)
    return result
  }

  /// ½ Σ w (x − target)² of each of `samples` equal parts: the reference of `trustRegionLoss`.
  public func halfSquaredErrors(
    _ x: Variable, target: [Float], weights: [Float], samples: Int
  ) -> [Float] {
    let x = index(x)
    let count = nodes[x].shape.count
    precondition(
      samples > 0 && count.isMultiple(of: samples) && target.count == count
        && weights.count == count,
      "halfSquaredErrors: \(count) elements, \(target.count) targets, \(weights.count) weights")
    let values = nodes[x].value
    let size = count / samples
    return target.withUnsafeBufferPointer { target in
      (0..<samples).map { sample in
        Self.halfSquaredError(
          values, target.baseAddress!, weights, sample * size..<(sample + 1) * size)
      }
    }
  }

  private static func halfSquaredError(
    _ x: UnsafePointer<Float>, _ target: UnsafePointer<Float>, _ weights: [Float],
    _ places: Range<Int>
  ) -> Float {
    var sum: Float = 0
    for place in places {
      let difference = x[place] - target[place]
      sum += weights[place] * difference * difference
    }
    return sum / 2
  }

  /// `body` with the address of the array's elements, or nil without an array.
  private func withOptional<R>(_ array: [Float]?, _ body: (UnsafePointer<Float>?) -> R) -> R {
    guard let array else { return body(nil) }
    return array.withUnsafeBufferPointer { body($0.baseAddress) }
  }

  func propagateSquaredError(
    _ x: Int, _ target: Int, _ weights: UnsafeMutablePointer<Float>?, _ factor: Float
  ) {
    let count = nodes[x].shape.count
    // One after the other, since both may be one variable.
    if let dx = gradientTarget(x) {
      recap_squared_error_backward(
        dx.start, nil, nodes[x].value, nodes[target].value, weights, factor, count,
        dx.accumulates, 0)
    }
    if let dt = gradientTarget(target) {
      recap_squared_error_backward(
        nil, dt.start, nodes[x].value, nodes[target].value, weights, factor, count, 0,
        dt.accumulates)
    }
  }
}
