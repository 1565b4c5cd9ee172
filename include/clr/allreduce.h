/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_ALLREDUCE_H
#define CLR_ALLREDUCE_H
/* The sum of a block of floats over all ranks, hidden behind backward: the block is cut into buckets, and as the
   caller says that everything from some offset on is final, each bucket that lies there starts its own non-blocking
   allreduce. Collective: all ranks make the same sequence of calls. One thread. */

#include "clr/comm.h"
#include "clr/opt.h"
#include "clr/tensor.h"

/* --wire, into a clr_dtype. */
extern const clr_opt clr_wire_option[];

typedef struct clr_allreduce clr_allreduce;

/* block stays the caller's. bucket: floats each, about; below 1 GiB. wire: the type in which floats are sent. With
   bf16 each addend and each sum is rounded, by at most 2^-8 of itself, except in the last `exact` floats; additions are
   fp32. */
typedef struct clr_allreduce_plan {
    int64_t floats, bucket, exact;
    clr_dtype wire;
} clr_allreduce_plan;

/* Collective. */
clr_allreduce *clr_allreduce_new(clr_comm *comm, float *block, const clr_allreduce_plan *plan);
void clr_allreduce_free(clr_allreduce *reduce); /* accepts NULL */

/* Local. Bytes that it takes, about. */
int64_t clr_allreduce_bytes(const clr_comm *comm, int64_t floats, clr_dtype wire);

/* Local. A new sum: nothing is ready yet. */
void clr_allreduce_begin(clr_allreduce *reduce);
void clr_allreduce_ready(clr_allreduce *reduce,
                         int64_t from);             /* everything at from and after is final; starts what it can */
void clr_allreduce_progress(clr_allreduce *reduce); /* lets MPI work on what is in flight */
double clr_allreduce_end(clr_allreduce *reduce);    /* starts the rest, waits; returns the seconds waited: exposed */
double clr_allreduce_seconds(
    const clr_allreduce *reduce); /* spent in all of these calls since begin, the exposed ones included */

#endif
