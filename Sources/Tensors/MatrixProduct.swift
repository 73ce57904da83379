import CKernels
import COpenBLAS
import Glibc

/// The one place that knows which library multiplies matrices: OpenBLAS.
///
/// One thread for each caller: models here are small, so parallelism comes from actors, not from
/// inside a product.
///
/// OpenBLAS chooses its kernels by the processor's model number when it is loaded, and takes the
/// oldest ones, a third as fast, for any model that is newer than itself. So it is loaded at first
/// use, not linked, after OPENBLAS_CORETYPE has been set from what the processor can do (unless the
/// user has set it).
enum MatrixProduct {
  private typealias Product =
    @convention(c) (
      CBLAS_ORDER, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, Float,
      UnsafePointer<Float>, blasint, UnsafePointer<Float>, blasint, Float,
      UnsafeMutablePointer<Float>, blasint
    ) -> Void
  private typealias SetThreads = @convention(c) (Int32) -> Void
  private typealias CoreName = @convention(c) () -> UnsafePointer<CChar>?

  private static let library = Library()
  private static let product = library.function("cblas_sgemm", as: Product.self)

  /// The kernels that OpenBLAS uses, such as "Cooperlake": worth printing beside every measurement.
  static var kernels: String {
    library.function("openblas_get_corename", as: CoreName.self)().map(String.init(cString:))
      ?? "unknown"
  }

  /// C = A B (+ C if `accumulate`) for row-major A [m, k], B [k, n], C [m, n]; a transposed operand
  /// is stored the other way round. A stride is the distance between the starts of stored rows: nil
  /// where they follow each other, larger for some columns of a wider matrix.
  static func multiply(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
    m: Int, n: Int, k: Int, transposeA: Bool = false, transposeB: Bool = false, accumulate: Bool,
    strideA: Int? = nil, strideB: Int? = nil, strideC: Int? = nil
  ) {
    product(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), 1, a, blasint(strideA ?? (transposeA ? m : k)),
      b, blasint(strideB ?? (transposeB ? k : n)), accumulate ? 1 : 0, c, blasint(strideC ?? n))
  }

  /// The loaded library. Sendable: the handle never changes and the library is safe to call from
  /// any thread.
  private struct Library: @unchecked Sendable {
    let handle: UnsafeMutableRawPointer

    init() {
      // The first setenv of a process leaves the old environment in place for those who are reading
      // it.
      if let type = recap_openblas_core_type() { setenv("OPENBLAS_CORETYPE", type, 0) }
      guard let handle = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL) else {
        let reason = dlerror().map { String(cString: $0) } ?? "no reason given"
        fatalError("OpenBLAS could not be loaded: \(reason). On Debian: apt install libopenblas0")
      }
      self.handle = handle
      function("openblas_set_num_threads", as: SetThreads.self)(1)
    }

    func function<F>(_ name: String, as type: F.Type) -> F {
      guard let symbol = dlsym(handle, name) else {
        fatalError("the OpenBLAS that was found has no function \(name)")
      }
      return unsafeBitCast(symbol, to: type)
    }
  }
}

/// The matrix kernels in use, for people who read measurements.
public enum MatrixKernels {
  /// As the library calls them, such as "Haswell".
  public static var name: String { MatrixProduct.kernels }
}
