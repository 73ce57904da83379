import DurableFiles

/// The moments at which a crash leaves something different behind, in the order in which storing an
/// episode passes them. Tests stop a process at each one.
package enum StorageStep: String, Sendable, CaseIterable {
  case createTemporary
  case writeBytes
  case syncFile
  case rename
  case syncDirectory
  /// Inside the catalogue's transaction, rows inserted but not committed.
  case commitRows
  /// Rows committed, the caller not told yet.
  case acknowledge

  /// A step of writing the blob.
  init(_ step: DurableWriteStep) {
    self =
      switch step {
      case .createTemporary: .createTemporary
      case .writeBytes: .writeBytes
      case .syncFile: .syncFile
      case .rename: .rename
      case .syncDirectory: .syncDirectory
      }
  }
}

/// Called before each step; throwing or ending the process there is the test's business.
package typealias StorageHook = @Sendable (StorageStep) throws -> Void
