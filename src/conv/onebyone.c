/* SPDX-License-Identifier: BSD-3-Clause */
/* The gradient of the weight of a 1x1 kernel without padding, a matrix product: with rows of x taken at the stride
   and with the prologue applied,
     dw (C, K) = x^T (C, rows) dy (rows, K),
   a large sum into a small matrix. Of a block of rows dy is arranged as panels (clr/gemm.h), and x, so many channels at
   a time that they stay in the second cache, as strips that panel after panel passes; a block that has room there too
   is asked for meanwhile. Threads part the lines (image, p), each with sums of its own, added up in the order of
   threads. */
#include "clr/conv.h"

#include "clr/gemm.h"
#include "clr/isa.h"
#include "clr/mem.h"
#include "passes.h"

#include <omp.h>
#include <string.h>

/* Rows of a block, about; channels of a strip, and of as many strips as are arranged at once; bytes of a block that
   is asked for. */
enum { ROWS = 192, STRIP = 48, CHUNK = 3 * STRIP, PREFETCHED = 512 << 10 };

CLR_STORED_DECLARE(clr_conv_prologue_fn, clr_conv_prologue_pass);
CLR_STORED_DECLARE(clr_conv_pass, clr_conv_bn_backward_pass);

typedef struct layout {
    int lines;                               /* of a block */
    size_t at_panels, at_sums, thread_bytes; /* the strips come first */
} layout;

static layout layout_of(const clr_conv_problem *a)
{
    const clr_panel_op *op = clr_panel_current();
    layout b = {.lines = (ROWS + a->q - 1) / a->q};
    int rows = b.lines * a->q;

    b.at_panels = clr_aligned((size_t)rows * CHUNK * sizeof(float));
    b.at_sums = b.at_panels + clr_aligned((size_t)op->floats(rows, a->k) * sizeof(float));
    b.thread_bytes = b.at_sums + clr_aligned((size_t)a->c * (size_t)a->k * sizeof(float));
    return b;
}

static bool applicable(const clr_conv_problem *a, clr_direction direction)
{
    return direction == CLR_BACKWARD_WEIGHT && a->r == 1 && a->s == 1 && a->pad == 0;
}

/* Share of the lanes that do useful work times a rate typical of the instruction set. */
static double estimate(const clr_conv_problem *a, clr_direction direction, int threads)
{
    double width = (double)clr_panel_current()->floats(1, 1),
           used = a->k / (width * (double)((a->k + (int)width - 1) / (int)width));

    (void)direction;
    return clr_conv_flops(a) / ((width >= 32 ? 80e9 : width >= 16 ? 75e9 : 27e9) * used * threads) + 2e-6;
}

static size_t workspace(const clr_conv_problem *a, clr_direction direction, int threads)
{
    (void)direction;
    return (size_t)threads * layout_of(a).thread_bytes;
}

/* Channels c0 .. c0+n-1 of lines first .. last-1 of x, with the prologue applied, into strips (rows, STRIP). */
static void arrange(const clr_conv_problem *a, const clr_conv_args *args, int first, int last, int c0, int n,
                    float *strips)
{
    clr_conv_prologue_fn *prologue_pass = CLR_STORED_PICK(clr_conv_prologue_pass, CLR_FP32);
    const float *x = args->x;

    for (int c = 0; c < n; c += STRIP)
        for (int line = first; line < last; line++, strips += a->q * STRIP)
            prologue_pass(strips, STRIP, x + ((int64_t)(line / a->p) * a->h + line % a->p * a->stride) * a->w * a->c,
                          (int64_t)a->stride * a->c, a->q, c0 + c, (int)clr_min64(STRIP, n - c), &args->prologue);
}

/* Rows c0 .. c0+n-1 of dw += strips^T panels. */
static void multiply(const clr_conv_problem *a, int rows, int c0, int n, const float *strips, const float *panels,
                     float *dw, clr_prefetch *prefetch)
{
    const clr_panel_op *op = clr_panel_current();
    int width = (int)op->floats(1, 1);

    for (int k = 0; k < a->k; k += width)
        for (int c = 0; c < n; c += STRIP)
            op->multiply((int)clr_min64(STRIP, n - c), (int)clr_min64(width, a->k - k), rows,
                         strips + (int64_t)c * rows, 1, STRIP, panels + (int64_t)k * rows, true,
                         dw + (int64_t)(c0 + c) * a->k + k, a->k, prefetch);
}

/* Prefetches what lines first .. last-1 read: dy, g with batch norm's backward, and x where every pixel of it is
   read. */
static void prefetch_item(const clr_conv_problem *a, const clr_conv_args *args, int first, int last,
                          clr_prefetch prefetch[3])
{
    int64_t from = (int64_t)first * a->q, rows = (int64_t)(last - first) * a->q, prefetched = rows, k = a->k,
            c = a->stride == 1 ? a->c : 0;
    int64_t g_channels = args->bn_backward.g ? k : 0;
    const float *x = args->x, *dy = args->dy, *g = args->bn_backward.g;

    if (rows * (a->c + k + g_channels) * (int64_t)sizeof(float) > PREFETCHED)
        prefetched = 0;
    prefetched *= (int64_t)sizeof(float);
    clr_prefetch_chain(prefetch, 3, (const void *[]){dy + from * k, g_channels ? g + from * k : NULL, x + from * c},
                       (int64_t[]){prefetched * k, prefetched * g_channels, prefetched * c},
                       clr_max64(1, rows * a->c * k));
}

static void add_up(const clr_conv_problem *a, const clr_conv_args *args, const layout *b, int threads, int thread)
{
    int64_t count = (int64_t)a->c * a->k;

    for (int64_t i = clr_share(count, threads, thread); i < clr_share(count, threads, thread + 1); i++) {
        float sum = args->accumulate ? args->dw[i] : 0;
        for (int other = 0; other < threads; other++)
            sum += ((const float *)((const char *)args->workspace + (size_t)other * b->thread_bytes + b->at_sums))[i];
        args->dw[i] = sum;
    }
}

static void apply(const clr_conv_problem *a, clr_direction direction, const clr_conv_args *args)
{
    clr_conv_pass *bn_backward = CLR_STORED_PICK(clr_conv_bn_backward_pass, CLR_FP32);
    int threads = omp_get_max_threads(), lines = args->images * a->p;
    const layout b = layout_of(a);

    (void)direction;
#pragma omp parallel num_threads(threads)
    {
        int thread = omp_get_thread_num(), end = (int)clr_share(lines, threads, thread + 1);
        char *mine = (char *)args->workspace + (size_t)thread * b.thread_bytes;
        float *strips = (float *)mine, *panels = (float *)(mine + b.at_panels), *dw = (float *)(mine + b.at_sums);
        clr_prefetch prefetch[3];
        memset(dw, 0, b.thread_bytes - b.at_sums);
        for (int first = (int)clr_share(lines, threads, thread), last; first < end; first = last) {
            last = (int)clr_min64(first + b.lines, end);
            int rows = (last - first) * a->q;
            if (args->bn_backward.g)
                bn_backward(args, a->k, (int64_t)first * a->q, (int64_t)last * a->q, NULL);
            clr_panel_current()->pack(false, rows, a->k, 1, (const float *)args->dy + (int64_t)first * a->q * a->k,
                                      a->k, panels);
            prefetch_item(a, args, last, (int)clr_min64(last + b.lines, end), prefetch);
            for (int c = 0; c < a->c; c += CHUNK) {
                int n = (int)clr_min64(CHUNK, a->c - c);
                arrange(a, args, first, last, c, n, strips);
                multiply(a, rows, c, n, strips, panels, dw, prefetch);
            }
        }
#pragma omp barrier
        add_up(a, args, &b, threads, thread);
    }
}

const clr_conv_solver clr_conv_onebyone = {.name = "onebyone",
                                           .help = "the gradient of a 1x1 kernel's weight as a product of panels",
                                           .dtypes = 1 << CLR_FP32,
                                           .directions = 1 << CLR_BACKWARD_WEIGHT,
                                           .fuses = true,
                                           .applicable = applicable,
                                           .estimate = estimate,
                                           .workspace = workspace,
                                           .apply = apply};
