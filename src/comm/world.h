/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_WORLD_H
#define CLR_WORLD_H
/* For this folder alone: the communicators themselves. */
#include "clr/comm.h"

#include <mpi.h>

struct clr_comm {
    MPI_Comm world, node;
    int rank, size, node_rank, node_size, nodes;
    clr_status agreed;
    int *length, *place; /* of each rank's part in an Allgatherv */
    char host[MPI_MAX_PROCESSOR_NAME];
};

/* Local. Whether MPI has to be started to know of the others. Open MPI finds them through what its launchers leave in
   the environment, and takes a process without that for a lone one; of other libraries that is not known. */
bool clr_comm_needs_mpi(void);

/* Local. MPI's own handle. */
MPI_Comm clr_comm_world(const clr_comm *comm);
MPI_Comm clr_comm_node(const clr_comm *comm); /* the ranks of this node */

#endif
