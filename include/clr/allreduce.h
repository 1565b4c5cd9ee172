/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_ALLREDUCE_H
#define CLR_ALLREDUCE_H
/* The sum of a block of floats over all ranks, hidden behind backward: the block is cut into buckets, and as the
   caller says that everything from some offset on is final, each bucket that lies there starts its own non-blocking
   allreduce. Collective: all ranks make the same sequence of calls. One thread. */

#include "clr/comm.h"

typedef struct clr_allreduce clr_allreduce;

/* Local. block stays the caller's. bucket: floats each, about; below 1 GiB. */
clr_allreduce *clr_allreduce_new(clr_comm *comm, float *block, int64_t floats, int64_t bucket);
void clr_allreduce_free(clr_allreduce *reduce); /* accepts NULL */

/* Local. A new sum: nothing is ready yet. */
void clr_allreduce_begin(clr_allreduce *reduce);
void clr_allreduce_ready(clr_allreduce *reduce,
                         int64_t from);             /* everything at from and after is final; starts what it can */
void clr_allreduce_progress(clr_allreduce *reduce); /* lets MPI work on what is in flight */
double clr_allreduce_end(clr_allreduce *reduce);    /* starts the rest, waits; returns the seconds waited: exposed */
double clr_allreduce_seconds(
    const clr_allreduce *reduce); /* spent in all of these calls since begin, the exposed ones included */

#endif
