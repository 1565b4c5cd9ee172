#ifndef CLR_WORLD_H
#define CLR_WORLD_H
/* For this folder alone: the communicator itself. */
#include "clr/comm.h"

#include <mpi.h>

MPI_Comm clr_comm_world(const clr_comm *comm);

#endif
