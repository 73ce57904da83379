import COpenBLAS

/// The one place that knows which library multiplies matrices.
///
/// One thread for each caller: models here are small, so parallelism comes from actors, not from inside a product.
enum MatrixProduct {
  private static let prepared: Void = openblas_set_num_threads(1)

  /// C = A B + beta C for row-major A [m, k], B [k, n], C [m, n]; a transposed operand is stored the other way
  /// round.
  static func multiply(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
    m: Int, n: Int, k: Int, transposeA: Bool = false, transposeB: Bool = false, accumulate: Bool
  ) {
    _ = prepared
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), 1, a, blasint(transposeA ? m : k),
      b, blasint(transposeB ? k : n), accumulate ? 1 : 0, c, blasint(n))
  }
}
