/* SPDX-License-Identifier: BSD-3-Clause */
/* Implicit GEMM: the gradient of the weight,

     dw[r][s][c][k] = sum over pixels of staged[at(pixel) + offset(r, s)][c] dy[pixel][k],
     at(p, q) = (p stride, q stride),

   over a staged copy of x: zero-padded, with the prologue applied. Where all channels are staged at once, the S C
   values under a row of the kernel are neighbours, in the staging as in dw, and are taken as one run.

   A register tile is a few rows of dw by one to four vectors of k; it is summed over the pixels of an item (a group of
   whole images, or a band of rows of one) before it is added to dw. dy is copied into panels of as many channels. These
   are worked off in blocks, so that staging, panel and the block's dw share the second-level cache. 1x1 kernels compute
   little for what they read: their next item is asked for meanwhile, as is the next dy of all (and its g, where it is
   turned, item by item), and a tile's place in dw.

   Threads part the items, each with sums of its own that are added up in the order of threads; or, where dw is large,
   the channels. */
#include "implicit.h"
#include "stage.h"
#include "bn_backward.h"

#include <omp.h>

enum {
    STAGE = 256 << 10, /* bytes of staging that an item aims at */
    POINT_STAGE = 512 << 10,
    ITEM_PIXELS = 160,  /* pixels of an item, at most, unless one row has more */
    BLOCK = 64,         /* channels staged at once, where there are many more */
    POINT_BLOCK = 512,  /* the same for 1x1 kernels */
    OWN_SUMS = 1 << 19, /* floats of dw above which threads part the channels */
#if defined(__AVX512F__)
    VECTORS = 4,
#else
    VECTORS = 2,
#endif
    LANES = VECTORS * CLR_LANES,
    MOST_ROWS = 12,
};

extern const clr_implicit_kernel CLR_KERNEL(clr_implicit_weight_kernel);

typedef struct plan {
    stage stage;
    bool point, own;  /* 1x1 without padding; sums per thread */
    int step;         /* staged pixels between neighbouring outputs */
    int block;        /* channels */
    int images, rows; /* of an item: images > 1 only with all rows */
    int items_per_image;
    int width; /* of a panel, floats */
    size_t floats, pixels;
    size_t at_stage, at_panel, at_sums, thread_bytes;
} plan;

static plan plan_for(const clr_conv_problem *a, int threads)
{
    bool point = a->r == 1 && a->s == 1 && a->pad == 0;
    int most = point ? POINT_BLOCK : BLOCK, budget = point ? POINT_STAGE : STAGE,
        fair = (a->n + 4 * threads - 1) / (4 * threads);
    plan b = {.point = point,
              .step = point ? 1 : a->stride,
              .floats = (size_t)a->r * (size_t)a->s * (size_t)a->c * (size_t)a->k};

    b.stage = (stage){a->h, a->w, a->c, -a->pad, (a->q - 1) * b.step + a->s, point ? a->stride : 1};
    b.own = threads > 1 && b.floats <= OWN_SUMS;
    b.block = a->c <= most + most / 2 ? a->c : most;

    size_t row_bytes = (size_t)b.stage.columns * (size_t)b.block * sizeof(float);
    b.rows = a->p;
    while (b.rows > 1 &&
           (row_bytes * (size_t)((b.rows - 1) * b.step + a->r) > (size_t)budget || b.rows * a->q > ITEM_PIXELS))
        b.rows = (b.rows + 1) / 2;
    b.items_per_image = (a->p + b.rows - 1) / b.rows;
    size_t item_bytes = row_bytes * (size_t)((b.rows - 1) * b.step + a->r);
    b.images =
        b.items_per_image > 1 ? 1 : (int)clr_min64((int64_t)((size_t)budget / item_bytes), ITEM_PIXELS / (a->p * a->q));
    b.images = (int)clr_max64(1, b.own ? clr_min64(b.images, fair) : b.images);
    b.pixels = (size_t)b.images * (size_t)b.rows * (size_t)a->q;

    int vectors = (a->k + CLR_LANES - 1) / CLR_LANES;
    b.width = (vectors >= 3 ? VECTORS : vectors >= 2 ? 2 : 1) * CLR_LANES;
    size_t at = clr_aligned((size_t)b.images * item_bytes);
    b.at_panel = at, at += clr_aligned(b.pixels * (size_t)b.width * sizeof(float));
    b.at_sums = at, at += b.own ? clr_aligned(b.floats * sizeof(float)) : 0;
    b.thread_bytes = at;
    return b;
}

static size_t workspace(const clr_conv_problem *a, clr_direction direction, int threads)
{
    (void)direction;
    return (size_t)threads * plan_for(a, threads).thread_bytes;
}

/* ---- a block of dw += x^T dy over the pixels of an item ---- */

typedef struct outer {
    const float *x; /* of the first pixel, at the first row of dw */
    int64_t x_pixel, x_row, x_image;
    const float *dy; /* panel; pixels follow each other */
    int64_t dy_pixel;
    int images, rows, columns;
    float *dw;
    int64_t ld;
    int lanes;              /* of the panel that exist */
    clr_prefetch *prefetch; /* of the next item; asked for with every CLR_LINE of pixels */
} outer;

INLINE void tile(const int rows, const int vectors, const outer *a, int first)
{
    clr_vec sum[MOST_ROWS][VECTORS];
    const float *dy = a->dy;
    float *dw = a->dw + first * a->ld;

    UNROLL_FOR (int m = 0; m < rows; m++)
        UNROLL_FOR (int v = 0; v < vectors; v++) {
            sum[m][v] = (clr_vec){0};
            __builtin_prefetch(dw + m * a->ld + v * CLR_LANES, 1);
        }
    for (int image = 0; image < a->images; image++)
        for (int row = 0; row < a->rows; row++) {
            const float *x = a->x + first + image * a->x_image + row * a->x_row;
            for (int column = 0; column < a->columns;) {
                int end = a->columns - column < CLR_LINE ? a->columns : column + CLR_LINE;
                clr_prefetch_next(a->prefetch);
                for (; column < end; column++, x += a->x_pixel, dy += a->dy_pixel) {
                    clr_vec right[VECTORS];
                    UNROLL_FOR (int v = 0; v < vectors; v++)
                        right[v] = clr_load(dy + v * CLR_LANES);
                    UNROLL_FOR (int m = 0; m < rows; m++) {
                        clr_vec left = clr_broadcast(x[m]);
                        UNROLL_FOR (int v = 0; v < vectors; v++)
                            sum[m][v] += left * right[v];
                    }
                }
            }
        }
    if (a->lanes == vectors * CLR_LANES) {
        UNROLL_FOR (int m = 0; m < rows; m++)
            UNROLL_FOR (int v = 0; v < vectors; v++) {
                float *to = dw + m * a->ld + v * CLR_LANES;
                clr_store_vec(to, clr_load(to) + sum[m][v]);
            }
        return;
    }
    float last[MOST_ROWS][LANES];
    UNROLL_FOR (int m = 0; m < rows; m++)
        UNROLL_FOR (int v = 0; v < vectors; v++)
            clr_store_vec(&last[m][v * CLR_LANES], sum[m][v]);
    for (int m = 0; m < rows; m++)
        for (int l = 0; l < a->lanes; l++)
            dw[m * a->ld + l] += last[m][l];
}

/* `n` rows of dw, in tiles of `most` or, so that none is left over, fewer. */
#define BLOCKS(vectors, most)                                               \
    static void blocks_##vectors(const outer *a, int n)                     \
    {                                                                       \
        int tiles = (n + (most)-1) / (most);                                \
        for (int first = 0, rows; first < n; first += rows, tiles--) {      \
            rows = (n - first + tiles - 1) / tiles;                         \
            switch (rows) {                                                 \
            case 12: tile(most < 12 ? most : 12, vectors, a, first); break; \
            case 11: tile(most < 11 ? most : 11, vectors, a, first); break; \
            case 10: tile(most < 10 ? most : 10, vectors, a, first); break; \
            case 9: tile(most < 9 ? most : 9, vectors, a, first); break;    \
            case 8: tile(most < 8 ? most : 8, vectors, a, first); break;    \
            case 7: tile(most < 7 ? most : 7, vectors, a, first); break;    \
            case 6: tile(6, vectors, a, first); break;                      \
            case 5: tile(5, vectors, a, first); break;                      \
            case 4: tile(4, vectors, a, first); break;                      \
            case 3: tile(3, vectors, a, first); break;                      \
            case 2: tile(2, vectors, a, first); break;                      \
            default: tile(1, vectors, a, first);                            \
            }                                                               \
        }                                                                   \
    }

BLOCKS(1, 12)
#if defined(__AVX512F__)
BLOCKS(2, 12)
BLOCKS(4, 6)
#else
BLOCKS(2, 6)
#endif

static void blocks(const outer *a, int n, int width)
{
    switch (width / CLR_LANES) {
#if defined(__AVX512F__)
    case 4: blocks_4(a, n); break;
#endif
    case 2: blocks_2(a, n); break;
    default: blocks_1(a, n);
    }
}

static void copy_panel(const float *dy, int64_t pixels, int k, int lanes, int width, float *to)
{
    if (lanes == width)
        for (int64_t i = 0; i < pixels; i++, dy += k, to += width)
            for (int l = 0; l < width; l += CLR_LANES)
                clr_store_vec(to + l, clr_load(dy + l));
    else
        for (int64_t i = 0; i < pixels; i++, dy += k, to += width) {
            memcpy(to, dy, (size_t)lanes * sizeof *to);
            memset(to + lanes, 0, (size_t)(width - lanes) * sizeof *to);
        }
}

typedef struct item {
    int image, images, first, last; /* images; rows of dy */
    int64_t pixel, pixels;          /* of dy: neighbours */
} item;

static item item_of(const clr_conv_problem *a, const plan *b, int index, int images)
{
    item one = {.image = index / b->items_per_image * b->images, .first = index % b->items_per_image * b->rows};

    one.images = (int)clr_min64(b->images, images - one.image);
    one.last = (int)clr_min64(one.first + b->rows, a->p);
    one.pixel = ((int64_t)one.image * a->p + one.first) * a->q;
    one.pixels = (int64_t)one.images * (one.last - one.first) * a->q;
    return one;
}

/* Adds what an item gives to dw's channels c0 .. c0+n-1. */
static void add_item(const clr_conv_problem *a, const clr_conv_args *args, const plan *b, const item *one, int c0,
                     int n, char *mine, clr_prefetch *prefetch, float *dw)
{
    float *staged = (float *)(mine + b->at_stage), *panel = (float *)(mine + b->at_panel);
    bool lies = b->point && !args->prologue.scale, merged = n == a->c;
    int rows = (one->last - 1 - one->first) * b->step + a->r;
    int64_t floats = (int64_t)rows * b->stage.columns * n, image_floats = (int64_t)a->h * a->w * a->c;
    const float *x = (const float *)args->x + one->image * image_floats;
    outer job = {.x_pixel = (int64_t)b->step * n,
                 .x_row = (int64_t)b->step * b->stage.columns * n,
                 .x_image = floats,
                 .images = one->images,
                 .rows = one->last - one->first,
                 .columns = a->q,
                 .ld = a->k,
                 .prefetch = prefetch};

    if (lies) {
        job.x_pixel = (int64_t)a->stride * a->c;
        job.x_row = (int64_t)a->stride * a->w * a->c;
        job.x_image = image_floats;
        x += one->first * job.x_row + c0;
    } else {
        for (int i = 0; i < one->images; i++)
            stage_rows(&b->stage, x + i * image_floats, &args->prologue, one->first * b->step - a->pad, rows, c0, n,
                       staged + i * floats);
        x = staged;
    }
    /* Rows that follow each other like pixels are one row. */
    if (job.x_row == job.columns * job.x_pixel)
        job.columns *= job.rows, job.rows = 1;
    if (job.rows == 1 && job.x_image == job.columns * job.x_pixel)
        job.columns *= job.images, job.images = 1;
    const float *dy = (const float *)args->dy + one->pixel * a->k;
    for (int k = 0; k < a->k; k += b->width) {
        job.lanes = (int)clr_min64(b->width, a->k - k);
        bool direct = job.lanes == b->width && a->k == b->width;
        job.dy = direct ? dy + k : panel;
        job.dy_pixel = direct ? a->k : b->width;
        if (!direct)
            copy_panel(dy + k, one->pixels, a->k, job.lanes, b->width, panel);
        for (int r = 0; r < a->r; r++)
            for (int s = 0; s < (merged ? 1 : a->s); s++) {
                job.x = x + ((int64_t)r * b->stage.columns + s) * n;
                job.dw = dw + ((int64_t)(r * a->s + s) * a->c + c0) * a->k + k;
                blocks(&job, merged ? a->s * n : n, b->width);
            }
    }
}

/* Prefetches what the item reads: dy, g too where batch norm's backward is applied, and x for a 1x1 kernel that
   takes all channels and pixels. */
static void prefetch_item(const clr_conv_problem *a, const clr_conv_args *args, const plan *b, const item *one,
                          bool makes_dy, clr_prefetch prefetch[3])
{
    int64_t k = a->k, g_channels = makes_dy ? k : 0, c = b->point && b->stage.pick == 1 && b->block == a->c ? a->c : 0;

    const float *x = args->x, *dy = args->dy, *g = args->bn_backward.g;

    clr_prefetch_chain(
        prefetch, 3, (const float *[]){dy + one->pixel * k, makes_dy ? g + one->pixel * k : NULL, x + one->pixel * c},
        (int64_t[]){one->pixels * k, one->pixels * g_channels, one->pixels * c}, one->pixels * (int64_t)b->floats);
}

static void apply(const clr_conv_problem *a, clr_direction direction, const clr_conv_args *args)
{
    int threads = omp_get_max_threads(), taps = a->r * a->s;
    const plan b = plan_for(a, threads);
    int items = (args->images + b.images - 1) / b.images * b.items_per_image;
    bool alone = b.own || threads == 1,
         makes_dy = args->bn_backward.g; /* alone: nobody else reads this thread's items */

    (void)direction;
#pragma omp parallel num_threads(threads)
    {
        int thread = omp_get_thread_num();
        char *mine = (char *)args->workspace + (size_t)thread * b.thread_bytes;
        float *dw = b.own ? (float *)(mine + b.at_sums) : args->dw;
        int begin = b.own ? 0 : (int)clr_share(a->c, threads, thread),
            end = b.own ? a->c : (int)clr_share(a->c, threads, thread + 1);
        int from = b.own ? (int)clr_share(items, threads, thread) : 0,
            to = b.own ? (int)clr_share(items, threads, thread + 1) : items;
        for (int t = 0; t < taps && (b.own || !args->accumulate); t++)
            memset(dw + ((size_t)t * (size_t)a->c + (size_t)begin) * (size_t)a->k, 0,
                   (size_t)(end - begin) * (size_t)a->k * sizeof *dw);
        if (makes_dy && !alone) {
            int64_t rows = (int64_t)args->images * a->p * a->q;
            clr_bn_backward_rows(&args->bn_backward, clr_share(rows, threads, thread),
                                 clr_share(rows, threads, thread + 1), a->k, args->y);
#pragma omp barrier
        }
        for (int c = begin; c < end; c += b.block)
            for (int i = from; i < to; i++) {
                item one = item_of(a, &b, i, args->images), next = item_of(a, &b, i + 1, args->images);
                bool makes_dy_now = makes_dy && alone && c == begin;
                clr_prefetch prefetch[3] = {{0}};
                if (i + 1 < to)
                    prefetch_item(a, args, &b, &next, makes_dy_now, prefetch);
                if (makes_dy_now)
                    clr_bn_backward_rows(&args->bn_backward, one.pixel, one.pixel + one.pixels, a->k, args->y);
                add_item(a, args, &b, &one, c, (int)clr_min64(b.block, end - c), mine, prefetch, dw);
            }
        if (b.own) {
#pragma omp barrier
            size_t last = (size_t)clr_share((int64_t)b.floats, threads, thread + 1);
            for (size_t i = (size_t)clr_share((int64_t)b.floats, threads, thread); i < last; i++) {
                float sum = args->accumulate ? args->dw[i] : 0;
                for (int other = 0; other < threads; other++)
                    sum += ((const float *)((char *)args->workspace + (size_t)other * b.thread_bytes + b.at_sums))[i];
                args->dw[i] = sum;
            }
        }
    }
}

const clr_implicit_kernel CLR_KERNEL(clr_implicit_weight_kernel) = {
    .lanes = CLR_LANES, .workspace = workspace, .apply = apply};
