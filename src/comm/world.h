/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_WORLD_H
#define CLR_WORLD_H
/* For this folder alone: the communicators themselves. */
#include "clr/comm.h"

#include <mpi.h>

/* Local. MPI's own handle. */
MPI_Comm clr_comm_world(const clr_comm *comm);
MPI_Comm clr_comm_node(const clr_comm *comm); /* the ranks of this node */

#endif
