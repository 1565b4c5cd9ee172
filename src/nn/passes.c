/* Passes over activations: rows are split over threads by index. */
#include "clr/nn.h"

#include "clr/isa.h"
#include "clr/mem.h"
#include "kernel.h"

#include <omp.h>
#include <string.h>

CLR_KERNEL_DECLARE(const clr_nn_kernel, clr_nn_kernel);

static const clr_nn_kernel *kernel(void)
{
    return CLR_KERNEL_PICK(clr_nn_kernel);
}

void clr_pass_space_open(clr_pass_space *space, int channels)
{
    space->threads = omp_get_max_threads();
    space->width = (2 * channels + 7) / 8 * 8;
    space->part = CLR_NEW(double, (int64_t)space->threads * space->width);
}

void clr_pass_space_close(clr_pass_space *space)
{
    clr_free(space->part);
    *space = (clr_pass_space){0};
}

/* This thread's share of rows, and what precedes it in floats. */
#define SHARE(rows, k)                                                                                                 \
    int thread = omp_get_thread_num(), threads = omp_get_num_threads();                                                \
    int64_t first = clr_share(rows, threads, thread), n = clr_share(rows, threads, thread + 1) - first, at = first * (k)

void clr_see(const float *y, const clr_lens *lens, int64_t rows, int k, float *out)
{
#pragma omp parallel
    {
        SHARE(rows, k);
        kernel()->see(y + at, lens, n, k, out + at);
    }
}

void clr_join(const clr_conv_join *join, int64_t rows, int k)
{
#pragma omp parallel
    {
        int thread = omp_get_thread_num(), threads = omp_get_num_threads();
        kernel()->join(join, clr_share(rows, threads, thread), clr_share(rows, threads, thread + 1), k);
    }
}

static double *own_part(const clr_pass_space *space)
{
    return memset(space->part + (int64_t)omp_get_thread_num() * space->width, 0, (size_t)space->width * sizeof *space->part);
}

static void add_up(const clr_pass_space *space, clr_norm *norm)
{
    memset(norm->sums, 0, 2 * (size_t)norm->k * sizeof *norm->sums);
    for (int thread = 0; thread < space->threads; thread++)
        for (int i = 0; i < 2 * norm->k; i++)
            norm->sums[i] += space->part[(int64_t)thread * space->width + i];
}

void clr_seen_backward(float *g, const float *x, const clr_lens *lens, const float *y, clr_norm *norm, int64_t rows, clr_pass_space *space)
{
    int k = norm->k;

#pragma omp parallel num_threads(space->threads)
    {
        SHARE(rows, k);
        kernel()->seen_backward(g + at, x + at, lens, y + at, norm->mean, n, k, own_part(space));
    }
    add_up(space, norm);
}

void clr_pool_mean(const float *x, int n, int pixels, int k, float *h)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        kernel()->pool_mean(x + (int64_t)i * pixels * k, pixels, k, h + (int64_t)i * k);
}

void clr_pool_mean_backward(const float *dh, int n, int pixels, int k, float *dx)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        kernel()->pool_mean_backward(dh + (int64_t)i * k, pixels, k, dx + (int64_t)i * pixels * k);
}

void clr_pool_max(const float *y, const clr_lens *lens, int n, int h, int w, int k, float *out)
{
    int64_t in = (int64_t)h * w * k, small = (int64_t)((h + 1) / 2) * ((w + 1) / 2) * k;

#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        kernel()->pool_max(y + i * in, lens, h, w, k, out + i * small);
}

void clr_pool_max_backward(const float *y, const clr_lens *lens, const float *dout, int n, int h, int w, clr_norm *norm, clr_pass_space *space,
                           float *dy)
{
    int64_t in = (int64_t)h * w * norm->k, small = (int64_t)((h + 1) / 2) * ((w + 1) / 2) * norm->k;

#pragma omp parallel num_threads(space->threads)
    {
        double *mine = own_part(space);
#pragma omp for schedule(static)
        for (int i = 0; i < n; i++)
            kernel()->pool_max_backward(y + i * in, lens, dout + i * small, h, w, norm->k, dy + i * in, norm->mean, mine);
    }
    add_up(space, norm);
}
