/* SPDX-License-Identifier: BSD-3-Clause */
/* SGD with Nesterov's momentum, the gradient taken as if the step of the momentum were made already:

     v <- m v + (g + wd w),   w <- w - lr (g + wd w + m v). */
#include "ops.h"

static void step(clr_optim *optim, double lr, int64_t number)
{
    float *w = optim->params->value, *v = optim->slot[0];
    const float *g = optim->params->grad;
    const clr_entry *entry = optim->params->weights.entry;
    const float momentum = (float)optim->config.momentum, rate = (float)lr;

    (void)number;
#pragma omp parallel for schedule(static)
    for (int64_t p = 0; p < optim->chunks; p++) {
        clr_chunk chunk = optim->chunk[p];
        const float decay = entry[chunk.entry].no_decay ? 0 : (float)optim->config.weight_decay;
        for (int64_t k = chunk.offset; k < chunk.offset + chunk.count; k++) {
            float grad = g[k] + decay * w[k];
            v[k] = momentum * v[k] + grad;
            w[k] -= rate * (grad + momentum * v[k]);
        }
    }
}

const clr_optim_op clr_optim_nesterov = {.name = "nesterov", .slots = 1, .slot_name = {"momentum"}, .step = step};
