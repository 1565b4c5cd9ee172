/* SPDX-License-Identifier: BSD-3-Clause */
/* Passes over activations: rows are split over threads by index. */
#include "clr/nn.h"

#include "../conv/passes.h"
#include "clr/isa.h"
#include "kernel.h"

#include <omp.h>

CLR_STORED_DECLARE(const clr_nn_kernel, clr_nn_kernel);
CLR_STORED_DECLARE(clr_conv_prologue_fn, clr_conv_prologue_pass);

static const clr_nn_kernel *kernel(clr_dtype dtype)
{
    return CLR_STORED_PICK(clr_nn_kernel, dtype);
}

void clr_prologue_apply(const float *y, const clr_prologue *prologue, int64_t rows, int k, float *out)
{
    clr_conv_prologue_fn *pass = CLR_STORED_PICK(clr_conv_prologue_pass, CLR_FP32);

#pragma omp parallel
    {
        int thread = omp_get_thread_num(), threads = omp_get_num_threads();
        int64_t first = clr_share(rows, threads, thread), at = first * k;
        pass(out + at, k, y + at, k, (int)(clr_share(rows, threads, thread + 1) - first), 0, k, prologue);
    }
}

void clr_store_rows(clr_dtype dtype, const float *from, int n, int64_t row, clr_stored *to)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        kernel(dtype)->store(from + i * row, row, (char *)to + (size_t)(i * row) * clr_dtype_bytes(dtype));
}

void clr_pool_mean(clr_dtype dtype, const clr_stored *x, int n, int pixels, int k, float *h)
{
    const char *from = x;
    int64_t image = (int64_t)pixels * k * (int64_t)clr_dtype_bytes(dtype);

#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        kernel(dtype)->pool_mean(from + i * image, pixels, k, h + (int64_t)i * k);
}

void clr_pool_mean_backward(clr_dtype dtype, const float *dh, int n, int pixels, int k, clr_stored *dx)
{
    char *to = dx;
    int64_t image = (int64_t)pixels * k * (int64_t)clr_dtype_bytes(dtype);

#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        kernel(dtype)->pool_mean_backward(dh + (int64_t)i * k, pixels, k, to + i * image);
}

void clr_pool_max(const clr_pool *pool, clr_stored *out)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < pool->n; i++)
        kernel(pool->dtype)->pool_max(pool, i, out);
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
            kernel(pool->dtype)->pool_max_backward(pool, i, dout, dy, norm->mean, mine);
    }
    clr_parts_add_up(workspace, pool->k, threads, norm->sums);
}
