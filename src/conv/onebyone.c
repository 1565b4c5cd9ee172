/* A 1x1 kernel without padding is a matrix product: with rows of x taken at the stride and seen through the lens,
     y = x w   (rows, C) (C, K),      dx = dy w^T,      dw = x^T dy.
   BLIS does the first two. The third is a large sum into a small matrix: panels of both operands, a block of rows at a time, stay in cache
   (clr/gemm.h). Threads part the lines (image, p), and pass them a block at a time; the gradient of the weight has sums per thread, added
   up in the order of threads. Block by block mask and moments are done while the rows are in cache. BLIS has kernels for processors that
   the other members know only as portable. */
#include "clr/conv.h"

#include "clr/gemm.h"
#include "clr/isa.h"
#include "clr/mem.h"
#include "passes.h"

#include <omp.h>
#include <string.h>

/* Of a block, about: BLIS packs the weight anew for each; SUMMED x GROUP of dy stay in the second cache while panels of x pass. */
enum { ROWS = 512, SUMMED = 192, GROUP = 256 };

CLR_KERNEL_DECLARE(clr_conv_pass, clr_conv_moments_pass);
CLR_KERNEL_DECLARE(clr_conv_pass, clr_conv_seen_pass);
CLR_KERNEL_DECLARE(clr_conv_look, clr_conv_look_pass);

/* What a thread has: a block of staged x or of dx, then sums. */
typedef struct layout {
    int lines; /* of a block */
    size_t at_panels, at_sums, thread_bytes;
} layout;

static layout layout_of(const clr_conv_problem *a, clr_direction direction)
{
    bool weight = direction == CLR_BACKWARD_WEIGHT;
    layout b = {.lines = ((weight ? SUMMED : ROWS) + a->q - 1) / a->q};
    int rows = b.lines * a->q;
    size_t sums = direction == CLR_FORWARD ? 2 * (size_t)a->k * sizeof(double)
                  : direction == CLR_BACKWARD_DATA ? 2 * (size_t)a->c * sizeof(double)
                                                   : (size_t)a->c * (size_t)a->k * sizeof(float);
    int64_t panels = weight ? clr_panel_current()->floats(rows, a->c) + clr_panel_current()->floats(rows, a->k) : 0;

    b.at_panels = clr_aligned((size_t)rows * (size_t)a->c * sizeof(float));
    b.at_sums = b.at_panels + clr_aligned((size_t)panels * sizeof(float));
    b.thread_bytes = b.at_sums + clr_aligned(sums);
    return b;
}

static bool applicable(const clr_conv_problem *a, clr_direction direction)
{
    (void)direction;
    return a->dtype == CLR_FP32 && a->r == 1 && a->s == 1 && a->pad == 0;
}

/* BLIS on one core of today, and a call's overhead. */
static double estimate(const clr_conv_problem *a, clr_direction direction, int threads)
{
    (void)direction;
    return clr_conv_flops(a) / (60e9 * threads) + 20e-6;
}

static size_t workspace(const clr_conv_problem *a, clr_direction direction, int threads)
{
    return (size_t)threads * layout_of(a, direction).thread_bytes;
}

/* A block of lines of x as the product sees them: where they lie, or staged. */
static const float *see(const clr_conv_problem *a, const clr_conv_args *args, int first, int last, float *staged)
{
    clr_conv_look *look = CLR_KERNEL_PICK(clr_conv_look_pass);

    if (a->stride == 1 && !args->lens.scale)
        return args->x + (int64_t)first * a->q * a->c;
    for (int line = first; line < last; line++)
        look(staged + (int64_t)(line - first) * a->q * a->c,
             args->x + ((int64_t)(line / a->p) * a->h + line % a->p * a->stride) * a->w * a->c, (int64_t)a->stride * a->c, a->q, a->c,
             &args->lens);
    return staged;
}

/* Lines first .. last-1 of dx at the stride, from `product`; the others between them are zero. */
static void scatter(const clr_conv_problem *a, const clr_conv_args *args, int first, int last, const float *product)
{
    for (int line = first; line < last; line++) {
        int h = line % a->p * a->stride, lines = (int)clr_min64(a->stride, a->h - h);
        float *dx = args->dx + ((int64_t)(line / a->p) * a->h + h) * a->w * a->c;
        if (!args->accumulate)
            memset(dx, 0, (size_t)lines * (size_t)a->w * (size_t)a->c * sizeof *dx);
        for (int q = 0; q < a->q; q++, dx += (int64_t)a->stride * a->c, product += a->c)
            for (int c = 0; c < a->c; c++)
                dx[c] += product[c];
    }
}

static void backward_data(const clr_conv_problem *a, const clr_conv_args *args, int first, int last, float *block)
{
    const float *dy = args->dy + (int64_t)first * a->q * a->k;
    bool lies = a->stride == 1;
    float *to = lies ? args->dx + (int64_t)first * a->q * a->c : block;

    clr_gemm(false, true, (int64_t)(last - first) * a->q, a->c, a->k, 1, dy, a->k, args->weight, a->k,
             lies && args->accumulate ? 1 : 0, to, a->c);
    if (!lies)
        scatter(a, args, first, last, block);
}

/* dw (C, K) += x^T dy of a block: as rows of panels of x by panels of dy. */
static void backward_weight(const clr_conv_problem *a, const float *x, const float *dy, int rows, float *panels, float *dw)
{
    const clr_panel_op *op = clr_panel_current();
    int width = (int)op->floats(1, 1);
    float *others = panels + op->floats(rows, a->c);

    op->pack(false, rows, a->c, 1, x, a->c, panels);
    op->pack(false, rows, a->k, 1, dy, a->k, others);
    for (int k = 0; k < a->k; k += GROUP)
        for (int c = 0; c < a->c; c += width)
            op->multiply((int)clr_min64(width, a->c - c), (int)clr_min64(GROUP, a->k - k), rows, panels + (int64_t)c * rows, 1, width,
                         others + (int64_t)k * rows, true, dw + (int64_t)c * a->k + k, a->k);
}

/* The row of dx with which line (image, p) begins. */
static int64_t row_of(const clr_conv_problem *a, int line)
{
    return ((int64_t)(line / a->p) * a->h + line % a->p * a->stride) * a->w;
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
    int threads = omp_get_max_threads(), lines = args->images * a->p;
    int channels = direction == CLR_FORWARD ? a->k : a->c;
    const layout b = layout_of(a, direction);

#pragma omp parallel num_threads(threads)
    {
        int thread = omp_get_thread_num(), end = (int)clr_share(lines, threads, thread + 1);
        char *mine = (char *)args->workspace + (size_t)thread * b.thread_bytes;
        float *block = (float *)mine, *dw = (float *)(mine + b.at_sums);
        double *sums = (double *)(mine + b.at_sums);
        memset(sums, 0, b.thread_bytes - b.at_sums);
        for (int first = (int)clr_share(lines, threads, thread), last; first < end; first = last) {
            last = (int)clr_min64(first + b.lines, end);
            int64_t from = (int64_t)first * a->q, rows = (int64_t)(last - first) * a->q;
            if (direction == CLR_BACKWARD_DATA) {
                backward_data(a, args, first, last, block);
                if (args->seen)
                    (*CLR_KERNEL_PICK(clr_conv_seen_pass))(args, a->c, row_of(a, first), row_of(a, last), sums);
                continue;
            }
            const float *x = see(a, args, first, last, block);
            if (direction == CLR_BACKWARD_WEIGHT) {
                backward_weight(a, x, args->dy + from * a->k, (int)rows, (float *)(mine + b.at_panels), dw);
                continue;
            }
            clr_gemm(false, false, rows, a->k, a->c, 1, x, a->c, args->weight, a->k, 0, args->y + from * a->k, a->k);
            if (args->moments)
                (*CLR_KERNEL_PICK(clr_conv_moments_pass))(args, a->k, from, from + rows, sums);
        }
        if (direction == CLR_BACKWARD_WEIGHT) {
#pragma omp barrier
            add_up(a, args, &b, threads, thread);
        }
    }
    if (direction == CLR_BACKWARD_WEIGHT || !args->moments || (direction == CLR_BACKWARD_DATA && !args->seen))
        return;
    memset(args->moments, 0, 2 * (size_t)channels * sizeof(double));
    for (int thread = 0; thread < threads; thread++) {
        const double *sums = (const double *)((char *)args->workspace + (size_t)thread * b.thread_bytes + b.at_sums);
        for (int i = 0; i < 2 * channels; i++)
            args->moments[i] += sums[i];
    }
}

const clr_conv_solver clr_conv_onebyone = {.name = "onebyone",
                                           .help = "1x1 kernels as matrix products: BLIS, and panels for the gradient of the weight",
                                           .directions = 1 << CLR_FORWARD | 1 << CLR_BACKWARD_DATA | 1 << CLR_BACKWARD_WEIGHT,
                                           .gathers_moments = true,
                                           .applicable = applicable,
                                           .estimate = estimate,
                                           .workspace = workspace,
                                           .apply = apply};
