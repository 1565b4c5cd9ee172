/* SPDX-License-Identifier: BSD-3-Clause */
/* Layer-wise adaptive rate scaling (You, Gitman, Ginsburg 2017, arXiv 1708.03888) with momentum as SimCLR's authors
   have it. For each entry:

     g <- g + wd w                                     (no wd for entries with no_decay: batch norm and biases)
     trust = eta |w| / |g|   if |w| > 0 and |g| > 0, else 1;   no_adaptation: 1    eta = 0.001
     v <- m v + (lr trust) g;   w <- w - v

   The learning rate is inside v, so that a changed rate does not rescale what was gathered. Norms are sums in double.
   */
#include "ops.h"

#include <math.h>

static const double eta = 0.001;

/* norm[2e], norm[2e + 1]: |w|^2 and |g + wd w|^2 of entry e. */
static void norms(clr_optim *optim)
{
    const float *w = optim->params->value, *g = optim->params->grad;
    const clr_entry *entry = optim->params->weights.entry;

#pragma omp parallel for schedule(static)
    for (int64_t p = 0; p < optim->chunks; p++) {
        clr_chunk chunk = optim->chunk[p];
        double ww = 0, gg = 0, decay = entry[chunk.entry].no_decay ? 0 : optim->config.weight_decay;
        if (entry[chunk.entry].no_adaptation)
            continue;
#pragma omp simd reduction(+ : ww, gg)
        for (int64_t k = chunk.offset; k < chunk.offset + chunk.count; k++) {
            double grad = g[k] + decay * w[k];
            ww += (double)w[k] * w[k];
            gg += grad * grad;
        }
        optim->sum[2 * p] = ww;
        optim->sum[2 * p + 1] = gg;
    }
    for (int e = 0; e < optim->params->weights.entries; e++)
        optim->norm[2 * e] = optim->norm[2 * e + 1] = 0;
    for (int64_t p = 0; p < optim->chunks; p++)
        for (int i = 0; i < 2; i++)
            optim->norm[2 * optim->chunk[p].entry + i] += optim->sum[2 * p + i];
}

static void step(clr_optim *optim, double lr, int64_t number)
{
    float *w = optim->params->value, *v = optim->slot[0];
    const float *g = optim->params->grad;
    const clr_entry *entry = optim->params->weights.entry;
    const float momentum = (float)optim->config.momentum;

    (void)number;
    norms(optim);
#pragma omp parallel for schedule(static)
    for (int64_t p = 0; p < optim->chunks; p++) {
        clr_chunk chunk = optim->chunk[p];
        double trust = 1, weight = sqrt(optim->norm[2 * chunk.entry]), grad = sqrt(optim->norm[2 * chunk.entry + 1]);
        const clr_entry *e = &entry[chunk.entry];
        if (!e->no_adaptation && weight > 0 && grad > 0)
            trust = eta * weight / grad;
        const float rate = (float)(lr * trust), decay = e->no_decay ? 0 : (float)optim->config.weight_decay;
        for (int64_t k = chunk.offset; k < chunk.offset + chunk.count; k++) {
            v[k] = momentum * v[k] + rate * (g[k] + decay * w[k]);
            w[k] -= v[k];
        }
    }
}

const clr_optim_op clr_optim_lars = {.name = "lars", .slots = 1, .slot_name = {"momentum"}, .step = step};
