import Collectives

/// Joins the ranks that `mpirun` or `srun` started with this process. All calls give the same communicator, whose
/// `finish` is the last thing that a rank does with it.
///
/// - Throws: `MPIUnavailable` where MPI does not start, or this program was built without the package's trait MPI.
public func startMPI() throws(MPIUnavailable) -> any Communicator {
  #if MPI
    try MPICommunicator.start()
  #else
    throw MPIUnavailable.notBuilt
  #endif
}

/// Whether this program was built with the package's trait MPI.
public var isBuiltWithMPI: Bool {
  #if MPI
    true
  #else
    false
  #endif
}

/// Why there are no ranks.
public struct MPIUnavailable: Error, CustomStringConvertible {
  public var description: String

  /// For a program without the package's trait MPI.
  public static let notBuilt = MPIUnavailable(
    description: "this program was built without MPI; 'make build-mpi' builds it with OpenMPI")
}
