import CKernels

/// Copies of a store's smaller matrices in the order in which the product kernel reads them, as they
/// are and transposed. Made again when the parameters have changed, which is once for all products
/// of a training step.
///
/// Unsafe memory for the reason that `ParameterStore` gives. Threads may read it at once, and may
/// pack shares of it at once while nobody reads.
final class PackedWeights {
  /// Larger matrices are left to OpenBLAS: measured, it is as fast from about here on.
  private static let largest = 300_000

  enum Form: Int { case plain, transposed }

  private struct Place {
    var slot: Int
    /// By form: where in `memory`.
    var offsets: [Int]
  }

  private var places: [Place] = []
  private var placeOfSlot: [Int?] = []
  private var memory: [UnsafeMutablePointer<Float>] = []
  /// By form: the version of the parameters that is packed.
  private var versions = [-1, -1]

  deinit {
    for memory in memory { memory.deallocate() }
  }

  func isCurrent(_ form: Form, version: Int) -> Bool { versions[form.rawValue] == version }

  func markCurrent(_ form: Form, version: Int) { versions[form.rawValue] = version }

  /// Finds a place for every matrix of `slots`; they do not change any more.
  func reserve(_ slots: [ParameterStore.Slot]) {
    guard placeOfSlot.count != slots.count else { return }
    for memory in memory { memory.deallocate() }
    (places, placeOfSlot, memory) = ([], [], [])
    var sizes = [0, 0]
    for (index, slot) in slots.enumerated() {
      guard slot.shape.count == 2, slot.shape[0] > 1, slot.count <= Self.largest,
        recap_product_panel() > 0
      else {
        placeOfSlot.append(nil)
        continue
      }
      placeOfSlot.append(places.count)
      places.append(Place(slot: index, offsets: sizes))
      sizes[0] += FloatMemory.aligned(recap_packed_size(slot.shape[0], slot.shape[1]))
      sizes[1] += FloatMemory.aligned(recap_packed_size(slot.shape[1], slot.shape[0]))
    }
    memory = sizes.map(FloatMemory.allocate)
    versions = [-1, -1]
  }

  /// Packs the share `share` of `shares` of all matrices.
  func pack(
    _ form: Form, _ slots: [ParameterStore.Slot], from values: UnsafePointer<Float>, share: Int,
    of shares: Int
  ) {
    for index in stride(from: share, to: places.count, by: shares) {
      let slot = slots[places[index].slot]
      let (inputs, outputs) = (slot.shape[0], slot.shape[1])
      let isTransposed = form == .transposed
      recap_pack(
        memory[form.rawValue] + places[index].offsets[form.rawValue], values + slot.offset,
        outputs, isTransposed ? 1 : 0, isTransposed ? outputs : inputs,
        isTransposed ? inputs : outputs)
    }
  }

  /// The packed matrix of a slot; nil where it is left to OpenBLAS.
  func matrix(_ form: Form, slot: Int, version: Int) -> UnsafePointer<Float>? {
    guard isCurrent(form, version: version), slot < placeOfSlot.count, let place = placeOfSlot[slot]
    else { return nil }
    return UnsafePointer(memory[form.rawValue] + places[place].offsets[form.rawValue])
  }
}

extension ParameterStore {
  /// Packs what products with weights read, unless that has been done since the last change. A tape
  /// does so itself when it is reset; call this before several threads' tapes work at once.
  ///
  /// - Parameters:
  ///   - backward: Whether gradients will be asked for.
  ///   - inShares: Calls its argument with the numbers of all shares and their count, on any thread.
  public func packWeights(
    backward: Bool, inShares: ((Int, Int) -> Void) -> Void = { $0(0, 1) }
  ) {
    packed.reserve(slots)
    for form in backward ? [PackedWeights.Form.plain, .transposed] : [.plain]
    where !packed.isCurrent(form, version: version) {
      inShares { share, shares in
        packed.pack(form, slots, from: valueBuffer, share: share, of: shares)
      }
      packed.markCurrent(form, version: version)
    }
  }
}

extension MatrixProduct {
  /// C [m, n] (+)= A [m, k] · columns of W, or dY [m, k] · (columns of W)ᵀ, where W [inputs, outputs]
  /// has been packed.
  ///
  /// - Parameters:
  ///   - depth: The rows of the packed matrix.
  ///   - firstRow: The row of the packed matrix to begin with.
  ///   - firstColumn: The column; a multiple of the panel's width.
  static func multiply(
    _ a: UnsafePointer<Float>, packed: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
    m: Int, n: Int, k: Int, depth: Int, firstRow: Int, firstColumn: Int, accumulate: Bool,
    scratch: UnsafeMutablePointer<Float>
  ) {
    var product = RecapProduct(
      m: m, n: n, k: k, lda: k, ldc: n, depth: depth, accumulate: accumulate ? 1 : 0)
    let panel = recap_product_panel()
    recap_packed_product(
      &product, c, a, packed + firstColumn * depth + firstRow * panel, scratch)
  }
}
