/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_DOCTOR_H
#define CLR_DOCTOR_H
/* What an allocation is worth, seen from inside. */
#include "clr/pretrain.h"
#include "clr/run.h"

typedef struct clr_doctor_seen {
    int threads;     /* of this rank */
    double network;  /* seconds: 4 MiB summed over all ranks, the best of a few */
    double free_gib; /* of the run directory's file system; rank 0 */
} clr_doctor_seen;

/* Collective; status agreed upon. Ranks, cores, network and disk; rank 0 prints them on standard output. */
clr_status clr_doctor_allocation(clr_comm *comm, const clr_run_config *config, clr_doctor_seen *seen);

/* plan.c. Collective; status agreed upon. Rank 0 prints what runs of the paper's lengths would take on so many nodes
   like this one. */
clr_status clr_doctor_plan(clr_comm *comm, const clr_pretrain_config *config, const clr_doctor_seen *seen, int nodes);

#endif
