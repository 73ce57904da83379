// The few calls of MPI that ranks need, as functions that Swift can import: MPI's constants are macros. Defined with the
// package's trait MPI alone, so that nobody else needs MPI to build.
//
// All are called by one thread, the one that called recap_mpi_start. Errors end all ranks, which is MPI's default.
#ifndef RECAP_CMPI_H
#define RECAP_CMPI_H

typedef struct RecapMPIRequest RecapMPIRequest;

/// Joins the group that the process was started in. 0, or MPI's error.
int recap_mpi_start(int *rank, int *count);
/// Leaves it; every rank does.
void recap_mpi_finish(void);

/// Begin to replace numbers by their sums over the ranks, and bytes by the first rank's.
RecapMPIRequest *recap_mpi_sum_floats(float *numbers, int count);
RecapMPIRequest *recap_mpi_sum_doubles(double *numbers, int count);
RecapMPIRequest *recap_mpi_broadcast(void *bytes, int count);

/// Lets MPI work. 1 when the request is done, which ends its life; else 0.
int recap_mpi_test(RecapMPIRequest *request);

#endif
