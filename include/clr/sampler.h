/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_SAMPLER_H
#define CLR_SAMPLER_H
/* Which images make up a step: a permutation of the dataset keyed by (seed, epoch), cut into global batches, the
   remainder dropped globally. A pure function: nothing to save, nothing to resume. Local. */

#include <stdint.h>

typedef struct clr_sampler {
    uint64_t seed;
    int64_t images, batch; /* of the dataset; of the global batch */
} clr_sampler;

int64_t clr_sampler_steps(const clr_sampler *sampler); /* per epoch: images / batch */

/* Place `index` (0 .. images-1) of epoch's order. */
int64_t clr_sampler_at(const clr_sampler *sampler, int64_t epoch, int64_t index);

/* The samples first .. first+n-1 of the global batch of step (0, 1, ... over all epochs). */
void clr_sampler_batch(const clr_sampler *sampler, int64_t step, int64_t first, int n, int64_t *ids);

#endif
