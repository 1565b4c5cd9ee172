/* SPDX-License-Identifier: BSD-3-Clause */
/* Implicit GEMM: the gradient of the weight,

     dw[r][s][c][k] = sum over pixels of staged[at(pixel) + offset(r, s)][c] dy[pixel][k],
     at(p, q) = (p stride, q stride),

   over a staged copy of x: zero-padded, with the prologue applied. Where all channels are staged at once, the S C
   values under a row of the kernel are neighbours, in the staging as in dw, and are taken as one run.

   CLR_PAIR images make a group: they are staged together, as pairs (clr/stored.h), and so are their dy; a last group
   may lack its second image, which then is zero.

   A register tile is a few rows of dw by one to four vectors of k; it is summed over the pixels of an item (some
   whole groups, or a band of rows of one) before it is added to dw. dy is copied into panels of as many channels. These
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

extern const clr_implicit_kernel CLR_STORED_KERNEL(clr_implicit_weight_kernel);

typedef struct plan {
    stage stage;
    bool point, own;  /* 1x1 without padding; sums per thread */
    int step;         /* staged pixels between neighbouring outputs */
    int block;        /* channels */
    int groups, rows; /* of an item: groups > 1 only with all rows */
    int items_per_group;
    int width;             /* of a panel, outputs */
    size_t floats, pixels; /* of dw; of an item, a group's counted once */
    size_t at_stage, at_panel, at_sums, thread_bytes;
} plan;

static plan plan_for(const clr_conv_problem *a, int threads)
{
    bool point = a->r == 1 && a->s == 1 && a->pad == 0;
    int most = point ? POINT_BLOCK : BLOCK, budget = point ? POINT_STAGE : STAGE,
        fair = ((a->n + CLR_PAIR - 1) / CLR_PAIR + 4 * threads - 1) / (4 * threads);
    plan b = {.point = point,
              .step = point ? 1 : a->stride,
              .floats = (size_t)a->r * (size_t)a->s * (size_t)a->c * (size_t)a->k};

    b.stage = (stage){a->h, a->w, a->c, -a->pad, (a->q - 1) * b.step + a->s, point ? a->stride : 1};
    b.own = threads > 1 && b.floats <= OWN_SUMS;
    b.block = a->c <= most + most / 2 ? a->c : most;

    size_t pair_bytes = CLR_PAIR * sizeof(clr_element),
           row_bytes = (size_t)b.stage.columns * (size_t)b.block * pair_bytes;
    b.rows = a->p;
    while (b.rows > 1 &&
           (row_bytes * (size_t)((b.rows - 1) * b.step + a->r) > (size_t)budget || b.rows * a->q > ITEM_PIXELS))
        b.rows = (b.rows + 1) / 2;
    b.items_per_group = (a->p + b.rows - 1) / b.rows;
    size_t item_bytes = row_bytes * (size_t)((b.rows - 1) * b.step + a->r);
    b.groups =
        b.items_per_group > 1 ? 1 : (int)clr_min64((int64_t)((size_t)budget / item_bytes), ITEM_PIXELS / (a->p * a->q));
    b.groups = (int)clr_max64(1, b.own ? clr_min64(b.groups, fair) : b.groups);
    b.pixels = (size_t)b.groups * (size_t)b.rows * (size_t)a->q;

    int vectors = (a->k + CLR_LANES - 1) / CLR_LANES;
    b.width = (vectors >= 3 ? VECTORS : vectors >= 2 ? 2 : 1) * CLR_LANES;
    size_t at = clr_aligned((size_t)b.groups * item_bytes);
    b.at_panel = at, at += clr_aligned(b.pixels * (size_t)b.width * pair_bytes);
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
    const clr_element *x; /* of the first pixel, at the first row of dw */
    int64_t x_pixel, x_row, x_group;
    const clr_element *dy; /* panel; pixels follow each other */
    int64_t dy_pixel;
    int groups, rows, columns;
    float *dw;
    int64_t ld;
    int lanes;              /* of the panel that exist */
    clr_prefetch *prefetch; /* of the next item; asked for with every CLR_LINE of pixels */
} outer;

INLINE void tile(const int rows, const int vectors, const outer *a, int first)
{
    clr_vec sum[MOST_ROWS][VECTORS];
    const clr_element *dy = a->dy;
    float *dw = a->dw + first * a->ld;

    UNROLL_FOR (int m = 0; m < rows; m++)
        UNROLL_FOR (int v = 0; v < vectors; v++) {
            sum[m][v] = (clr_vec){0};
            __builtin_prefetch(dw + m * a->ld + v * CLR_LANES, 1);
        }
    for (int group = 0; group < a->groups; group++)
        for (int row = 0; row < a->rows; row++) {
            const clr_element *x = a->x + first * CLR_PAIR + group * a->x_group + row * a->x_row;
            for (int column = 0; column < a->columns;) {
                int end = a->columns - column < CLR_LINE ? a->columns : column + CLR_LINE;
                clr_prefetch_next(a->prefetch);
                for (; column < end; column++, x += a->x_pixel, dy += a->dy_pixel) {
                    clr_pairs right[VECTORS];
                    UNROLL_FOR (int v = 0; v < vectors; v++)
                        right[v] = clr_load_pairs(dy + v * CLR_LANES * CLR_PAIR);
                    UNROLL_FOR (int m = 0; m < rows; m++) {
                        clr_pairs left = clr_broadcast_pair(x + m * CLR_PAIR);
                        UNROLL_FOR (int v = 0; v < vectors; v++)
                            sum[m][v] = clr_dot(sum[m][v], left, right[v]);
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

/* `pixels` pixels of a group, k apart, into (pixels, width) pairs; lanes that do not exist are zero. */
static void copy_panel(const clr_element *const dy[CLR_PAIR], int64_t pixels, int k, int lanes, int width,
                       clr_element *to)
{
    for (int64_t i = 0; i < pixels; i++)
        for (int l = 0; l < width; l += CLR_LANES, to += CLR_LANES * CLR_PAIR) {
            int n = (int)clr_max64(0, clr_min64(CLR_LANES, lanes - l));
            clr_vec v[CLR_PAIR];
            UNROLL_FOR (int p = 0; p < CLR_PAIR; p++)
                v[p] = dy[p] ? clr_load_some(dy[p] + i * k + l, n) : clr_broadcast(0);
            clr_store_pairs(to, v);
        }
}

typedef struct item {
    int image, groups, first, last; /* of the first group; rows of dy */
} item;

static item item_of(const clr_conv_problem *a, const plan *b, int index, int images)
{
    item one = {.image = index / b->items_per_group * b->groups * CLR_PAIR,
                .first = index % b->items_per_group * b->rows};

    one.groups = (int)clr_min64(b->groups, (images - one.image + CLR_PAIR - 1) / CLR_PAIR);
    one.last = (int)clr_min64(one.first + b->rows, a->p);
    return one;
}

/* Pixels of dy that follow each other in memory. */
typedef struct range {
    int64_t first, count;
} range;

/* What an item has of dy: all its images, or a band of each. */
static int ranges_of(const clr_conv_problem *a, const plan *b, const item *one, int images, range ranges[CLR_PAIR])
{
    int count = (int)clr_min64(images - one->image, one->groups * CLR_PAIR), parts = b->items_per_group > 1 ? count : 1;

    for (int i = 0; i < parts; i++)
        ranges[i] = (range){((int64_t)(one->image + i) * a->p + one->first) * a->q,
                            (int64_t)(one->last - one->first) * a->q * (count / parts)};
    return parts;
}

/* Adds what an item gives to dw's channels c0 .. c0+n-1. */
static void add_item(const clr_conv_problem *a, const clr_conv_args *args, const plan *b, const item *one, int c0,
                     int n, char *mine, clr_prefetch *prefetch, float *dw)
{
    clr_element *staged = (clr_element *)(mine + b->at_stage), *panel = (clr_element *)(mine + b->at_panel);
    bool lies = CLR_PAIR == 1 && b->point && !args->prologue.scale, merged = n == a->c;
    int rows = (one->last - 1 - one->first) * b->step + a->r, bands = one->last - one->first;
    int64_t image_x = (int64_t)a->h * a->w * a->c, image_dy = (int64_t)a->p * a->q * a->k,
            group = (int64_t)rows * b->stage.columns * n * CLR_PAIR, pixels = (int64_t)bands * a->q;
    const clr_element *x = (const clr_element *)args->x + one->image * image_x,
                      *dy = (const clr_element *)args->dy + one->image * image_dy + (int64_t)one->first * a->q * a->k;
    outer job = {.x_pixel = (int64_t)b->step * n * CLR_PAIR,
                 .x_row = (int64_t)b->step * b->stage.columns * n * CLR_PAIR,
                 .x_group = group,
                 .groups = one->groups,
                 .rows = bands,
                 .columns = a->q,
                 .ld = a->k,
                 .prefetch = prefetch};

    if (lies) {
        job.x_pixel = (int64_t)a->stride * a->c;
        job.x_row = (int64_t)a->stride * a->w * a->c;
        job.x_group = image_x;
        x += one->first * job.x_row + c0;
    } else {
        for (int g = 0; g < one->groups; g++) {
            const clr_element *image[CLR_PAIR];
            for (int p = 0; p < CLR_PAIR; p++)
                image[p] = one->image + g * CLR_PAIR + p < args->images ? x + (g * CLR_PAIR + p) * image_x : NULL;
            stage_rows(&b->stage, image, CLR_PAIR, &args->prologue, one->first * b->step - a->pad, rows, c0, n,
                       staged + g * group);
        }
        x = staged;
    }
    /* Rows that follow each other like pixels are one row. */
    if (job.x_row == job.columns * job.x_pixel)
        job.columns *= job.rows, job.rows = 1;
    if (job.rows == 1 && job.x_group == job.columns * job.x_pixel)
        job.columns *= job.groups, job.groups = 1;
    for (int k = 0; k < a->k; k += b->width) {
        job.lanes = (int)clr_min64(b->width, a->k - k);
        bool direct = CLR_PAIR == 1 && job.lanes == b->width && a->k == b->width;
        job.dy = direct ? dy + k : panel;
        job.dy_pixel = direct ? a->k : (int64_t)b->width * CLR_PAIR;
        for (int g = 0; g < one->groups && !direct; g++) {
            const clr_element *from[CLR_PAIR];
            for (int p = 0; p < CLR_PAIR; p++)
                from[p] = one->image + g * CLR_PAIR + p < args->images ? dy + (g * CLR_PAIR + p) * image_dy + k : NULL;
            copy_panel(from, pixels, a->k, job.lanes, b->width, panel + g * pixels * job.dy_pixel);
        }
        for (int r = 0; r < a->r; r++)
            for (int s = 0; s < (merged ? 1 : a->s); s++) {
                job.x = x + ((int64_t)r * b->stage.columns + s) * n * CLR_PAIR;
                job.dw = dw + ((int64_t)(r * a->s + s) * a->c + c0) * a->k + k;
                blocks(&job, merged ? a->s * n : n, b->width);
            }
    }
}

/* Prefetches what the item reads: dy, g too where batch norm's backward is applied, and x for a 1x1 kernel that
   takes all channels and pixels. */
static void prefetch_item(const clr_conv_problem *a, const clr_conv_args *args, const plan *b, const item *one,
                          bool makes_dy, clr_prefetch prefetch[3 * CLR_PAIR])
{
    const int64_t bytes = sizeof(clr_element), k = a->k,
                  c = b->point && b->stage.pick == 1 && b->block == a->c ? a->c : 0;
    const clr_element *x = args->x, *dy = args->dy, *g = args->bn_backward.g;
    const void *from[3 * CLR_PAIR];
    int64_t size[3 * CLR_PAIR], pixels = 0;
    range ranges[CLR_PAIR];
    int parts = ranges_of(a, b, one, args->images, ranges), n = 0;

    for (int i = 0; i < parts; i++) {
        from[n] = dy + ranges[i].first * k, size[n++] = ranges[i].count * k * bytes;
        if (makes_dy)
            from[n] = g + ranges[i].first * k, size[n++] = ranges[i].count * k * bytes;
        from[n] = x + ranges[i].first * c, size[n++] = ranges[i].count * c * bytes;
        pixels += ranges[i].count;
    }
    clr_prefetch_chain(prefetch, n, from, size, clr_max64(1, pixels * (int64_t)b->floats / CLR_PAIR));
}

static void apply(const clr_conv_problem *a, clr_direction direction, const clr_conv_args *args)
{
    int threads = omp_get_max_threads(), taps = a->r * a->s;
    const plan b = plan_for(a, threads);
    int groups = (args->images + CLR_PAIR - 1) / CLR_PAIR,
        items = (groups + b.groups - 1) / b.groups * b.items_per_group;
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
                clr_prefetch prefetch[3 * CLR_PAIR] = {{0}};
                range ranges[CLR_PAIR];
                if (i + 1 < to)
                    prefetch_item(a, args, &b, &next, makes_dy_now, prefetch);
                int parts = makes_dy_now ? ranges_of(a, &b, &one, args->images, ranges) : 0;
                for (int part = 0; part < parts; part++)
                    clr_bn_backward_rows(&args->bn_backward, ranges[part].first,
                                         ranges[part].first + ranges[part].count, a->k, args->y);
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

const clr_implicit_kernel CLR_STORED_KERNEL(clr_implicit_weight_kernel) = {
    .lanes = CLR_LANES, .workspace = workspace, .apply = apply};
