/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_WIRE_H
#define CLR_WIRE_H
/* The sum of a range of floats over all ranks, sent as bf16: half the bytes. Every rank rounds its floats and sends
   each rank a piece; that one adds the pieces of all ranks in fp32, in the order of ranks, and rounds the sum, which
   all gather. So each addend and each sum is rounded once, by 2^-8 of itself at most, and all ranks get the same bits,
   which do not depend on how MPI reduces. For this folder alone. */
#include "world.h"

#include <stdint.h>

typedef struct clr_wire clr_wire;

/* Collective. edge: buckets + 1 offsets, ascending; both stay the caller's. */
clr_wire *clr_wire_new(const clr_comm *comm, float *block, const int64_t *edge, int buckets);
void clr_wire_free(clr_wire *wire); /* collective; accepts NULL */

/* Collective: every rank starts the same buckets in the same order, the last bucket first, each once before _end. */
void clr_wire_start(clr_wire *wire, int bucket);

/* Local. Works on what is in flight. */
void clr_wire_progress(clr_wire *wire);

/* Local. Waits until all that was started is summed in the block. */
void clr_wire_end(clr_wire *wire);

#endif
