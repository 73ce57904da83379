#include "CMPI.h"

#ifdef RECAP_MPI

#include <stdlib.h>

#if __has_include(<mpi.h>)
#include <mpi.h>
#else
// Where Debian has it.
#include <mpi/mpi.h>
#endif

struct RecapMPIRequest {
  MPI_Request request;
};

static RecapMPIRequest *new_request(void) {
  RecapMPIRequest *request = malloc(sizeof *request);
  if (!request) abort();
  return request;
}

int recap_mpi_start(int *rank, int *count) {
  int provided = 0;
  int failure = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  if (failure) return failure;
  if (provided < MPI_THREAD_FUNNELED) return MPI_ERR_OTHER;
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_size(MPI_COMM_WORLD, count);
  return 0;
}

void recap_mpi_finish(void) { MPI_Finalize(); }

RecapMPIRequest *recap_mpi_sum_floats(float *numbers, int count) {
  RecapMPIRequest *request = new_request();
  MPI_Iallreduce(MPI_IN_PLACE, numbers, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &request->request);
  return request;
}

RecapMPIRequest *recap_mpi_sum_doubles(double *numbers, int count) {
  RecapMPIRequest *request = new_request();
  MPI_Iallreduce(MPI_IN_PLACE, numbers, count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD, &request->request);
  return request;
}

RecapMPIRequest *recap_mpi_broadcast(void *bytes, int count) {
  RecapMPIRequest *request = new_request();
  MPI_Ibcast(bytes, count, MPI_BYTE, 0, MPI_COMM_WORLD, &request->request);
  return request;
}

int recap_mpi_test(RecapMPIRequest *request) {
  int done = 0;
  MPI_Test(&request->request, &done, MPI_STATUS_IGNORE);
  if (done) free(request);
  return done;
}

#endif
