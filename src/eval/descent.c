/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of the classifiers that learn by batches. Every batch's rows are shared among ranks. */
#include "evaluation.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/tensor.h"
#include "clr/watchdog.h"

#include <math.h>

void clr_softmax_residual(float *p, int classes, int label, float scale)
{
    float most = p[0], sum = 0;

    for (int k = 1; k < classes; k++)
        most = p[k] > most ? p[k] : most;
    for (int k = 0; k < classes; k++)
        sum += p[k] = expf(p[k] - most);
    for (int k = 0; k < classes; k++)
        p[k] *= scale / sum;
    p[label] -= scale;
}

clr_status clr_descend(clr_comm *comm, const clr_descent *d, const int64_t *of)
{
    int64_t an_epoch = (d->rows + d->batch - 1) / d->batch, steps = d->epochs * an_epoch;
    int rank = clr_comm_rank(comm), ranks = clr_comm_size(comm);

    if (d->rows > INT32_MAX)
        return clr_fail(CLR_EINPUT, "%lld training rows are more than a classifier takes", (long long)d->rows);
    int *order = CLR_NEW(int, d->rows);
    for (int64_t i = 0; i < d->rows; i++)
        order[i] = (int)(of ? of[i] : i);
    for (int64_t step = 0; step < steps; step++) {
        if (step % an_epoch == 0) {
            clr_rng rng = clr_rng_for(d->seed, (uint64_t)(step / an_epoch), 0, 0, CLR_RNG_PROBE);
            clr_rng_shuffle(&rng, order, (int)d->rows);
        }
        int64_t at = step % an_epoch * d->batch, n = clr_min64(d->batch, d->rows - at);
        int64_t from = clr_share(n, ranks, rank), to = clr_share(n, ranks, rank + 1);
        d->differentiate(d->work, order + at + from, to - from, n);
        if (ranks > 1)
            clr_comm_allreduce_sum(comm, d->gradient, d->cells);
        clr_alive();
        d->update(d->work, (1 + cos(M_PI * (double)step / (double)steps)) / 2, step);
    }
    clr_free(order);
    return CLR_OK;
}
