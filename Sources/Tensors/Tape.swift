import CKernels

/// A handle to a value on a tape; valid until the tape's next `reset`.
public struct Variable: Sendable {
  let index: Int
  /// The pass that made it, so that a handle that outlived its pass is caught.
  let pass: Int
}

/// Define-by-run reverse-mode differentiation: each operation computes at once and is written down;
/// `backward` walks back and adds to the gradients of the parameter store.
///
///     tape.reset(recording: true)
///     let x = tape.constant([batch, inputs], features)
///     let loss = tape.meanSquaredError(tape.linear(x, weight: w, bias: b), target: y)
///     store.zeroGradients()
///     tape.backward(from: loss)
///
/// Values are row-major float32 of rank 4 or less; below, `[..., n]` means any leading axes.
/// Misshapen arguments are programming errors and trap. Not Sendable: the actor that owns the store
/// owns the tape. Memory is pooled and reused after `reset`, which is why this file and its
/// extensions work on unsafe pointers: a node's memory is valid from its making until `reset`.
public final class Tape {
  struct Node {
    var operation: Operation
    var shape: Shape
    var value: UnsafeMutablePointer<Float>
    var needsGradient: Bool
    /// Index into `gradients`, or −1 while nothing has arrived.
    var gradient = -1
  }

  /// A gradient buffer; an addition hands its own on to both terms, so several nodes may hold one.
  struct Gradient {
    var buffer: BufferPool.Buffer
    var holders: Int
  }

  public let parameters: ParameterStore
  private let ownGradients: ParameterVector?
  let pool = BufferPool()
  var nodes: [Node] = []
  var gradients: [Gradient] = []
  private var borrowed: [BufferPool.Buffer] = []
  private var scratch: (buffer: BufferPool.Buffer, count: Int)?
  private var pass = 0
  private var recording = false
  private var parameterMemory: UnsafeMutablePointer<Float>?
  var rotaryTables: [RotaryTable] = []

  /// - Parameter gradients: Where `backward` adds to, for tapes that work on one store at once; nil
  ///   for the store's own gradients.
  public init(_ parameters: ParameterStore, gradients: ParameterVector? = nil) {
    self.parameters = parameters
    ownGradients = gradients
  }

  /// Forgets everything and starts a new pass.
  ///
  /// - Parameter recording: Whether `backward` may follow; without it, nothing is kept for it.
  public func reset(recording: Bool) {
    for buffer in borrowed { pool.give(buffer) }
    borrowed.removeAll(keepingCapacity: true)
    nodes.removeAll(keepingCapacity: true)
    pass += 1
    self.recording = recording
    parameterMemory = parameters.valueBuffer
    parameters.packWeights(backward: recording)
  }

  /// Bytes of pooled memory: constant once all shapes of a training loop have been seen.
  public var pooledBytes: Int { pool.allocatedBytes }

  // MARK: Values in and out

  /// A value without gradient.
  ///
  /// - Precondition: as many values as `shape` says.
  public func constant(_ shape: [Int], _ values: [Float]) -> Variable {
    let shape = Shape(shape)
    precondition(
      shape.count == values.count,
      "shape \(shape.array) holds \(shape.count) values, got \(values.count)")
    let (variable, start) = emit(shape, .leaf, needsGradient: false)
    values.withUnsafeBufferPointer { start.update(from: $0.baseAddress!, count: values.count) }
    return variable
  }

  /// A parameter as a value, for operations that do not take parameters themselves.
  public func parameter(_ parameter: Parameter) -> Variable {
    alias(
      parameters.valuePointer(parameter), Shape(parameters.shape(of: parameter)),
      .parameter(parameter), needsGradient: true)
  }

  /// The same value, through which no gradient passes.
  public func stopGradient(_ x: Variable) -> Variable {
    let node = nodes[index(x)]
    return alias(node.value, node.shape, .leaf, needsGradient: false)
  }

  /// The same values in the same order in another shape.
  public func reshape(_ x: Variable, _ shape: [Int]) -> Variable {
    let source = index(x)
    let node = nodes[source]
    let shape = Shape(shape)
    precondition(
      shape.count == node.shape.count, "\(node.shape.array) cannot become \(shape.array)")
    return alias(node.value, shape, .reshape(source), needsGradient: node.needsGradient)
  }

  /// A copy of the values, row-major.
  public func value(_ variable: Variable) -> [Float] {
    let node = nodes[index(variable)]
    return Array(UnsafeBufferPointer(start: node.value, count: node.shape.count))
  }

  public func shape(_ variable: Variable) -> [Int] { nodes[index(variable)].shape.array }

  /// The value of a variable of one element.
  public func scalar(_ variable: Variable) -> Float {
    let node = nodes[index(variable)]
    precondition(node.shape.count == 1, "expected one element, got shape \(node.shape.array)")
    return node.value[0]
  }

  // MARK: For the operations

  /// The node of `variable`.
  func index(_ variable: Variable) -> Int {
    precondition(
      variable.pass == pass, "this variable is of an earlier pass: reset() has ended its life")
    return variable.index
  }

  /// A new node with its own memory, uninitialised.
  func emit(
    _ shape: Shape, _ operation: Operation, needsGradient: Bool
  ) -> (Variable, UnsafeMutablePointer<Float>) {
    let start = memory(shape.count)
    return (alias(start, shape, operation, needsGradient: needsGradient), start)
  }

  /// A new node over memory that exists.
  func alias(
    _ start: UnsafeMutablePointer<Float>, _ shape: Shape, _ operation: Operation,
    needsGradient: Bool
  ) -> Variable {
    precondition(pass > 0, "call reset(recording:) before the first operation")
    precondition(
      parameterMemory == parameters.valueBuffer,
      "parameters were added during a pass: add them all before reset(recording:)")
    let needed = needsGradient && recording
    nodes.append(
      Node(
        operation: needed ? operation : .leaf, shape: shape, value: start, needsGradient: needed))
    return Variable(index: nodes.count - 1, pass: pass)
  }

  /// Memory that lives until the next reset.
  func memory(_ count: Int) -> UnsafeMutablePointer<Float> {
    let buffer = pool.take(count)
    borrowed.append(buffer)
    return buffer.start
  }

  /// Memory that the next operation may overwrite.
  func scratchMemory(_ count: Int) -> UnsafeMutablePointer<Float> {
    if let scratch, scratch.count >= count { return scratch.buffer.start }
    if let scratch { pool.give(scratch.buffer) }
    let buffer = pool.take(count)
    scratch = (buffer, count)
    return buffer.start
  }

  /// Whether an operation on these inputs should keep what its backward pass wants.
  func needsGradient(_ inputs: Int...) -> Bool {
    recording && inputs.contains { nodes[$0].needsGradient }
  }

  /// Whether an operation with parameters of its own should.
  var isRecording: Bool { recording }

  /// Where the gradient of `parameter` is summed up.
  func gradientPointer(_ parameter: Parameter) -> UnsafeMutablePointer<Float> {
    guard let ownGradients else { return parameters.gradientPointer(parameter) }
    return ownGradients.checked() + parameters.slots[parameter.index].offset
  }

  /// Traps unless two variables have the same shape.
  func requireSameShape(_ a: Int, _ b: Int, _ operation: StaticString = #function) {
    precondition(
      nodes[a].shape == nodes[b].shape,
      "\(operation): shapes differ: \(nodes[a].shape.array) and \(nodes[b].shape.array)")
  }
}
