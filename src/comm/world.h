#ifndef CLR_WORLD_H
#define CLR_WORLD_H
/* For this folder alone: the communicators themselves. */
#include "clr/comm.h"

#include <mpi.h>

MPI_Comm clr_comm_world(const clr_comm *comm);
MPI_Comm clr_comm_node(const clr_comm *comm); /* the ranks of this node */

#endif
