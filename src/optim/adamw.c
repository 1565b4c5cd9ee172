/* SPDX-License-Identifier: BSD-3-Clause */
/* Adam (Kingma, Ba 2015, arXiv 1412.6980) with decoupled decay (Loshchilov, Hutter 2019, arXiv 1711.05101). At step
   t = 1, 2, ...:

     a <- b1 a + (1 - b1) g;   b <- b2 b + (1 - b2) g^2
     w <- w - lr (a / (1 - b1^t) / (sqrt(b / (1 - b2^t)) + eps) + wd w)         (no wd for entries with no_decay)

   b1 is the configured momentum, b2 = 0.999, eps = 1e-8. */
#include "ops.h"

#include <math.h>

static const double beta2 = 0.999, eps = 1e-8;

static void step(clr_optim *optim, double lr, int64_t number)
{
    float *w = optim->params->value, *a = optim->slot[0], *b = optim->slot[1];
    const float *g = optim->params->grad;
    const clr_entry *entry = optim->params->weights.entry;
    const double t = (double)number + 1, beta1 = optim->config.momentum;
    const float b1 = (float)beta1, c1 = (float)(1 - beta1), b2 = (float)beta2, c2 = (float)(1 - beta2);
    const float rate = (float)(lr / (1 - pow(beta1, t))), bias = (float)(1 / (1 - pow(beta2, t)));

#pragma omp parallel for schedule(static)
    for (int64_t p = 0; p < optim->chunks; p++) {
        clr_chunk chunk = optim->chunk[p];
        const float decay = entry[chunk.entry].no_decay ? 0 : (float)(lr * optim->config.weight_decay);
        for (int64_t k = chunk.offset; k < chunk.offset + chunk.count; k++) {
            a[k] = b1 * a[k] + c1 * g[k];
            b[k] = b2 * b[k] + c2 * g[k] * g[k];
            w[k] -= rate * a[k] / (sqrtf(b[k] * bias) + (float)eps) + decay * w[k];
        }
    }
}

const clr_optim_op clr_optim_adamw = {
    .name = "adamw", .slots = 2, .slot_name = {"exp_avg", "exp_avg_sq"}, .step = step};
