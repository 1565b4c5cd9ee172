/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_REDUCE_H
#define CLR_REDUCE_H
/* The sum of a block of floats over all ranks, hidden behind backward: the block is cut into buckets, and as the
   caller says that everything from some offset on is final, each bucket that lies there starts its own non-blocking
   allreduce. Collective: all ranks make the same sequence of calls. One thread. */

#include "clr/comm.h"

typedef struct clr_reduce clr_reduce;

/* Local. block stays the caller's. bucket: floats each, about; below 1 GiB. */
clr_reduce *clr_reduce_new(clr_comm *comm, float *block, int64_t floats, int64_t bucket);
void clr_reduce_free(clr_reduce *reduce); /* accepts NULL */

/* Local. A new sum: nothing is ready yet. */
void clr_reduce_begin(clr_reduce *reduce);
void clr_reduce_ready(clr_reduce *reduce, int64_t from); /* everything at from and after is final; starts what it can */
void clr_reduce_progress(clr_reduce *reduce);            /* lets MPI work on what is in flight */
double clr_reduce_end(clr_reduce *reduce); /* starts the rest, waits; returns the seconds waited: exposed */
double
clr_reduce_seconds(const clr_reduce *reduce); /* spent in all of these calls since begin, the exposed ones included */

#endif
