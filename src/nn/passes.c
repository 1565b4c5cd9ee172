/* SPDX-License-Identifier: BSD-3-Clause */
/* Passes over activations: rows are split over threads by index. */
#include "clr/nn.h"

#include "../conv/passes.h"
#include "clr/isa.h"
#include "kernel.h"

#include <omp.h>

CLR_KERNEL_DECLARE(const clr_nn_kernel, clr_nn_kernel);

static const clr_nn_kernel *kernel(void)
{
    return CLR_KERNEL_PICK(clr_nn_kernel);
}

void clr_prologue_apply(const clr_stored *y, const clr_prologue *prologue, int64_t rows, int k, clr_stored *out)
{
    const float *from = y;
    float *to = out;

#pragma omp parallel
    {
        int thread = omp_get_thread_num(), threads = omp_get_num_threads();
        int64_t first = clr_share(rows, threads, thread), at = first * k;
        kernel()->apply_prologue(from + at, prologue, clr_share(rows, threads, thread + 1) - first, k, to + at);
    }
}

void clr_pool_mean(const clr_stored *x, int n, int pixels, int k, float *h)
{
    const float *from = x;

#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        kernel()->pool_mean(from + (int64_t)i * pixels * k, pixels, k, h + (int64_t)i * k);
}

void clr_pool_mean_backward(const float *dh, int n, int pixels, int k, clr_stored *dx)
{
    float *to = dx;

#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        kernel()->pool_mean_backward(dh + (int64_t)i * k, pixels, k, to + (int64_t)i * pixels * k);
}

void clr_pool_max(const clr_pool *pool, clr_stored *out)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < pool->n; i++)
        kernel()->pool_max(pool, i, out);
}

void clr_pool_max_backward(const clr_pool *pool, const clr_stored *dout, clr_stored *dy, clr_batch_norm *norm,
                           void *workspace)
{
    int threads = omp_get_max_threads();

#pragma omp parallel num_threads(threads)
    {
        double *mine = clr_part_begin(workspace, pool->k, omp_get_thread_num());
#pragma omp for schedule(static)
        for (int i = 0; i < pool->n; i++)
            kernel()->pool_max_backward(pool, i, dout, dy, norm->mean, mine);
    }
    clr_parts_add_up(workspace, pool->k, threads, norm->sums);
}
