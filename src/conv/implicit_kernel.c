/* SPDX-License-Identifier: BSD-3-Clause */
/* Implicit GEMM: forward and the gradient of x. Both are sums over taps,

     out[pixel][j] = sum_t sum_i staged[at(pixel) + offset(t)][i] panel[t][i][j],

   over a staged copy of the input rows: zero-padded, with the prologue applied. Forward: i = c, j = k, one class of
   pixels, at(p, q) = (p stride, q stride), offset(r, s) = (r, s); the S C values under a row of the kernel are
   neighbours and make one tap. Gradient of x: i = k, j = c; the pixels (h, w) fall into stride^2 classes by (h mod
   stride, w mod stride), each with the taps that reach it, and inside a class at(i, j) = (i, j) and offset(r, s) = ((h0
   + pad - r) / stride, (w0 + pad - s) / stride), an exact division. A 1x1 kernel without prologue or padding reads the
   tensor where it lies.

   With bf16 the inputs under a tap are taken as pairs (clr/stored.h): weights are packed by pairs. Where the number of
   inputs is odd, the last weight has zero beside it, and so has the last element of the staging.

   A register tile is a few pixels by a panel of one to four vectors of outputs. Weights are packed panel by panel,
   chunk by chunk of inputs, so that a chunk stays in the second-level cache while all pixels of an item pass it. An
   item is a group of whole images, or a band of rows of one; items are dealt to threads in contiguous parts, by index.
   What the next item reads is asked for while this one is computed, and so is what a tile is finished with. A finished
   tile is masked and its moments are added (moments.h) while it is in registers; large results are stored past the
   caches. */
#include "implicit.h"
#include "pairs.h"
#include "residual.h"
#include "stage.h"

#include <omp.h>

#if defined(__AVX512F__)
enum { VECTORS = 4 };
#else
enum { VECTORS = 2 };
#endif

enum {
    STAGE = 256 << 10,  /* bytes of staging that an item aims at */
    PANEL = 160 << 10,  /* bytes of a chunk's panel */
    ITEM_PIXELS = 1024, /* pixels of an item, at most, unless one row has more */
    TAPS = CLR_IMPLICIT_TAPS,
    MOST_ROWS = 8,
    LANES = VECTORS * CLR_LANES,
    STREAMED = 16 << 20, /* bytes of a result above which it will not be found in cache anyway */
};

extern const clr_implicit_kernel CLR_STORED_KERNEL(clr_implicit_kernel);

/* What one class of output pixels takes. */
typedef struct class
{
    int h, w; /* first output pixel */
    int taps;
    int offset[TAPS][2]; /* rows and columns of the staging, relative to the pixel's place */
    int tap[TAPS];       /* r S + s */
    int first_tap;       /* of this class in the packed weights */
} class;

typedef struct plan {
    stage stage;
    int inputs, outputs; /* values under a tap; channels out */
    int padded;          /* inputs, in whole pairs */
    int out_h, out_w;
    int step;         /* staged pixels between neighbouring outputs of a class */
    int spread;       /* output pixels between neighbours of a class: 1, or stride */
    int images, rows; /* of an item: images > 1 only with all rows */
    int items_per_image;
    int width;         /* of a panel, outputs */
    int panels, chunk; /* how many panels; inputs in a chunk */
    int classes;
    class class[CLR_IMPLICIT_STRIDE * CLR_IMPLICIT_STRIDE];
    bool may_lie;                  /* 1x1 without padding: needs no staging where there is no prologue */
    size_t packed, staged, pixels; /* elements of each; pixels of an item */
    size_t at_stage, at_pointers, at_partial, at_sums, thread_bytes, total;
} plan;

static int floor_div(int a, int b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* Staged rows that output rows first .. last-1 need: *low .. *low + result - 1. */
static int rows_for(const clr_conv_problem *a, clr_direction direction, const plan *b, int first, int last, int *low)
{
    if (direction == CLR_FORWARD) {
        *low = first * b->step - a->pad;
        return (last - 1 - first) * b->step + a->r;
    }
    *low = floor_div(first + a->pad - a->r + 1, a->stride);
    return floor_div(last - 1 + a->pad, a->stride) - *low + 1;
}

static void classify(const clr_conv_problem *a, clr_direction direction, plan *b)
{
    int used = 0;

    for (int h = 0; h < b->spread; h++)
        for (int w = 0; w < b->spread; w++) {
            class *one = &b->class[b->classes++];
            *one = (class){.h = h, .w = w, .first_tap = used};
            for (int r = 0; r < a->r; r++)
                for (int s = 0; s < (direction == CLR_FORWARD ? 1 : a->s); s++) {
                    int row = r, column = s;
                    if (direction == CLR_BACKWARD_DATA) {
                        row = floor_div(h + a->pad - r, a->stride);
                        column = floor_div(w + a->pad - s, a->stride);
                        if (row * a->stride != h + a->pad - r || column * a->stride != w + a->pad - s)
                            continue;
                    }
                    one->offset[one->taps][0] = row;
                    one->offset[one->taps][1] = column;
                    one->tap[one->taps++] = r * a->s + s;
                }
            used += one->taps;
        }
}

/* Items: bands of rows of about STAGE bytes, or groups of small images that still leave every thread some. */
static void divide(const clr_conv_problem *a, clr_direction direction, int threads, plan *b)
{
    int low;
    size_t row_bytes = (size_t)b->stage.columns * (size_t)b->stage.channels * sizeof(clr_element);
    size_t image_bytes = row_bytes * (size_t)rows_for(a, direction, b, 0, b->out_h, &low);

    b->images = 1;
    b->rows = b->out_h;
    if (image_bytes <= STAGE && b->out_h * b->out_w <= ITEM_PIXELS) {
        int most = (int)clr_min64((int64_t)(STAGE / image_bytes), ITEM_PIXELS / (b->out_h * b->out_w));
        int fair = (a->n + 4 * threads - 1) / (4 * threads);
        b->images = (int)clr_max64(1, clr_min64(most, fair));
    } else {
        int rows = b->out_h;
        while (rows > b->spread &&
               ((size_t)rows_for(a, direction, b, 0, rows, &low) * row_bytes > STAGE || rows * b->out_w > ITEM_PIXELS))
            rows = (rows + 1) / 2;
        rows = (rows + b->spread - 1) / b->spread * b->spread;
        b->rows = (int)clr_min64(rows, b->out_h);
    }
    b->items_per_image = (b->out_h + b->rows - 1) / b->rows;
    b->pixels = (size_t)b->images * (size_t)b->rows * (size_t)b->out_w;
}

static plan plan_for(const clr_conv_problem *a, clr_direction direction, int threads)
{
    bool data = direction == CLR_BACKWARD_DATA, point = a->r == 1 && a->s == 1 && a->pad == 0;
    plan b = {.inputs = data ? a->k : a->c * a->s,
              .outputs = data ? a->c : a->k,
              .out_h = data ? a->h : a->p,
              .out_w = data ? a->w : a->q,
              .step = data || point ? 1 : a->stride,
              .spread = data ? a->stride : 1,
              .may_lie = point};
    int low, most_taps = 1;

    b.padded = (b.inputs + CLR_PAIR - 1) / CLR_PAIR * CLR_PAIR;

    b.stage = (stage){.h = data ? a->p : a->h,
                      .w = data ? a->q : a->w,
                      .channels = data ? a->k : a->c,
                      .low = data ? floor_div(a->pad - a->s + 1, a->stride) : -a->pad,
                      .pick = !data && point ? a->stride : 1};
    b.stage.columns = data ? floor_div(a->w - 1 + a->pad, a->stride) - b.stage.low + 1 : (a->q - 1) * b.step + a->s;
    classify(a, direction, &b);
    divide(a, direction, threads, &b);

    /* One spare row and column, so that partial class bands never read past the end. */
    size_t row = (size_t)b.stage.columns * (size_t)b.stage.channels;
    b.staged =
        (size_t)b.images * ((size_t)rows_for(a, direction, &b, 0, b.rows, &low) + 1) * row + (size_t)b.stage.channels;
    int vectors = (b.outputs + CLR_LANES - 1) / CLR_LANES;
    b.width = (vectors >= 3 ? VECTORS : vectors >= 2 ? 2 : 1) * CLR_LANES;
    b.panels = (b.outputs + b.width - 1) / b.width;
    for (int i = 0; i < b.classes; i++) {
        b.packed += (size_t)b.class[i].taps * (size_t)b.padded * (size_t)b.panels * (size_t)b.width;
        most_taps = b.class[i].taps > most_taps ? b.class[i].taps : most_taps;
    }
    size_t panel_bytes = (size_t)most_taps * (size_t)b.inputs * (size_t)b.width * sizeof(clr_element);
    int chunks = (int)((panel_bytes + PANEL - 1) / PANEL);
    b.chunk = (int)clr_max64(8, ((b.inputs + chunks - 1) / chunks + CLR_PAIR - 1) / CLR_PAIR * CLR_PAIR);

    size_t at = clr_aligned(b.staged * sizeof(clr_element));
    b.at_pointers = at, at += 2 * clr_aligned(b.pixels * sizeof(clr_element *));
    b.at_partial = at, at += b.chunk < b.inputs ? clr_aligned(b.pixels * (size_t)b.width * sizeof(float)) : 0;
    b.at_sums = at, at += clr_aligned(2 * (size_t)b.outputs * sizeof(double));
    b.thread_bytes = at;
    b.total = clr_aligned(b.packed * sizeof(clr_element)) + (size_t)threads * at;
    return b;
}

static size_t workspace(const clr_conv_problem *a, clr_direction direction, int threads)
{
    return plan_for(a, direction, threads).total;
}

/* Inputs i0 .. last-1 of a tap, rows of the weight (inputs, k), as (pairs, width): outputs j0 on, zero beyond them.
   Returns the end of what was written. */
static clr_element *pack_rows(const plan *b, const float *weight, int64_t k, int i0, int last, int j0, clr_element *to)
{
    for (int i = i0; i < last; i += CLR_PAIR)
        for (int j = 0; j < b->width; j += CLR_LANES, to += CLR_LANES * CLR_PAIR) {
            int n = (int)clr_max64(0, clr_min64(CLR_LANES, b->outputs - j0 - j));
            clr_vec v[CLR_PAIR];
            UNROLL_FOR (int p = 0; p < CLR_PAIR; p++)
                v[p] = i + p < last ? clr_load_floats(weight + (i + p) * k + j0 + j, n) : clr_broadcast(0);
            clr_store_pairs(to, v);
        }
    return to;
}

/* The same where the weight is (outputs, k), inputs along its rows. */
static clr_element *pack_columns(const plan *b, const float *weight, int64_t k, int i0, int last, int j0,
                                 clr_element *to)
{
    int pairs = (last - i0 + CLR_PAIR - 1) / CLR_PAIR, lanes = (int)clr_min64(b->width, b->outputs - j0);
    int64_t step = (int64_t)b->width * CLR_PAIR;

    if (lanes < b->width)
        memset(to, 0, (size_t)pairs * (size_t)step * sizeof *to);
    for (int j = 0; j < lanes; j += CLR_LANES)
        clr_transpose_pairs((int)clr_min64(CLR_LANES, lanes - j), last - i0, weight + (j0 + j) * k + i0, k,
                            to + j * CLR_PAIR, step);
    return to + pairs * step;
}

/* Panels of each class, chunk by chunk: (chunk, tap, pair of inputs, lane). Threads part the panels. */
static void pack(const clr_conv_problem *a, clr_direction direction, const plan *b, const float *weight,
                 clr_element *packed)
{
#pragma omp for schedule(static) collapse(2)
    for (int one = 0; one < b->classes; one++)
        for (int panel = 0; panel < b->panels; panel++) {
            const class *in = &b->class[one];
            clr_element *to = packed + ((size_t)in->first_tap * (size_t)b->panels + (size_t)panel * (size_t)in->taps) *
                                           (size_t)b->padded * (size_t)b->width;
            for (int i0 = 0; i0 < b->inputs; i0 += b->chunk)
                for (int t = 0; t < in->taps; t++)
                    to = (direction == CLR_FORWARD ? pack_rows : pack_columns)(
                        b, weight + (int64_t)in->tap[t] * a->c * a->k, a->k, i0,
                        (int)clr_min64(i0 + b->chunk, b->inputs), panel * b->width, to);
        }
}

/* ---- out = staged x panel ---- */

typedef enum finish { PLAIN, MOMENTS, RELU_BACKWARD } finish;

typedef struct panel_sums {
    float pivot[LANES], first[LANES], second[LANES];
} panel_sums __attribute__((aligned(64)));

typedef struct sweep {
    const clr_element *const *pixel; /* where each output's staging begins */
    clr_element *const *out;         /* of each output pixel */
    int output;                      /* first output channel of this panel */
    int count;
    const int64_t *offset;    /* of each tap, elements */
    int taps, pairs;          /* of this chunk: pairs of inputs */
    clr_prefetch *prefetch;   /* what the next item reads: asked for at its pace with every CLR_LINE of pairs */
    const clr_element *panel; /* (taps, pairs, width) */
    int lanes;                /* outputs of this panel that exist */
    float *partial;           /* (count, width), where there are several chunks */
    bool begins, ends;        /* this chunk is the first, the last */
    bool add, stream;         /* to what is there; past the caches */
    finish finish;
    const clr_element *base, *x, *bn_input; /* RELU_BACKWARD: the result, x and the norm's input, of the same shape */
    const float *scale, *shift, *mean;
    bool relu;
    panel_sums *sums;
} sweep;

INLINE void put(clr_element *to, clr_vec v, bool streamed)
{
#if defined(__AVX512F__)
    if (streamed) {
        clr_stream_elements(to, v);
        return;
    }
#endif
    (void)streamed;
    clr_store_elements(to, v);
}

/* One vector of channels at lane l of the panel, `rows` pixels of it in v. */
INLINE void finish_vector(const int rows, const sweep *a, int first, int l, clr_vec *v, const finish how)
{
    clr_vec one = {0}, two = {0}, other = {0}, scale = {0}, shift = {0};
    int channel = a->output + l;

    if (how == MOMENTS) {
        if (!first)
            clr_store_vec(a->sums->pivot + l, clr_rounded(v[0]));
        other = clr_load(a->sums->pivot + l);
    }
    if (how == RELU_BACKWARD) {
        scale = a->scale ? clr_load(a->scale + channel) : clr_broadcast(1);
        if (a->scale)
            shift = clr_load(a->shift + channel);
        if (a->mean)
            other = clr_load(a->mean + channel);
    }
    UNROLL_FOR (int m = 0; m < rows; m++) {
        clr_element *to = a->out[first + m] + channel;
        clr_vec y = v[m];
        if (how != MOMENTS && a->add)
            y += clr_load_elements(to);
        y = clr_rounded(y);
        if (how == MOMENTS) {
            clr_vec d = y - other;
            one += d, two += d * d;
        }
        if (how == RELU_BACKWARD) {
            int64_t at = to - a->base;
            if (a->relu)
                y = (clr_vec)((clr_vec_i)y & (clr_load_elements(a->x + at) * scale + shift > 0.0f));
            one += y, two += y * (clr_load_elements(a->bn_input + at) - other);
        }
        put(to, y, a->stream);
    }
    if (how != PLAIN) {
        clr_store_vec(a->sums->first + l, clr_load(a->sums->first + l) + one);
        clr_store_vec(a->sums->second + l, clr_load(a->sums->second + l) + two);
    }
}

/* The same for a panel whose last lanes do not exist; v (rows, width). */
static void finish_lanes(int rows, int width, const sweep *a, int first, const float *v)
{
    for (int m = 0; m < rows; m++, v += width) {
        clr_element *to = a->out[first + m] + a->output;
        for (int l = 0; l < a->lanes; l++) {
            float y = v[l];
            int channel = a->output + l;
            if (a->finish != MOMENTS && a->add)
                y += clr_element_value(to[l]);
            y = clr_element_value(clr_element_of(y));
            if (a->finish == MOMENTS) {
                if (!first && !m)
                    a->sums->pivot[l] = y;
                float d = y - a->sums->pivot[l];
                a->sums->first[l] += d, a->sums->second[l] += d * d;
            }
            if (a->finish == RELU_BACKWARD) {
                int64_t at = to + l - a->base;
                float x = clr_element_value(a->x[at]), bn_input = clr_element_value(a->bn_input[at]);
                if (a->relu && !((a->scale ? x * a->scale[channel] + a->shift[channel] : x) > 0))
                    y = 0;
                a->sums->first[l] += y, a->sums->second[l] += y * (bn_input - (a->mean ? a->mean[channel] : 0));
            }
            to[l] = clr_element_of(y);
        }
    }
}

/* Prefetches vectors from .. to-1 of the operands that the epilogue of the tile after next reads, because they come
   from memory. */
INLINE void prefetch_finish(const int vectors, const sweep *a, int first, int from, int to)
{
    for (int i = from; i < to && first + i / vectors < a->count; i++) {
        const clr_element *out = a->out[first + i / vectors] + a->output + i % vectors * CLR_LANES;
        int64_t at = out - a->base;
        if (a->add)
            __builtin_prefetch(out, 1);
        if (a->finish == RELU_BACKWARD) {
            __builtin_prefetch(a->x + at);
            if (a->bn_input != a->x)
                __builtin_prefetch(a->bn_input + at);
        }
    }
}

INLINE void tile(const int rows, const int vectors, const sweep *a, int first)
{
    clr_vec sum[VECTORS][MOST_ROWS];
    const clr_element *panel = a->panel;
    float *partial = a->partial + (size_t)first * (size_t)(vectors * CLR_LANES);

    bool prefetches = a->ends && (a->finish == RELU_BACKWARD || a->add);
    int prefetched = 0, pace = (int)(rows * vectors * CLR_LINE / ((int64_t)a->taps * a->pairs + 1)) + 1;

    if (a->begins)
        UNROLL_FOR (int m = 0; m < rows; m++)
            UNROLL_FOR (int v = 0; v < vectors; v++)
                sum[v][m] = (clr_vec){0};
    else
        UNROLL_FOR (int m = 0; m < rows; m++)
            UNROLL_FOR (int v = 0; v < vectors; v++)
                sum[v][m] = clr_load(partial + (m * vectors + v) * CLR_LANES);
    for (int t = 0; t < a->taps; t++) {
        const clr_element *in[MOST_ROWS];
        UNROLL_FOR (int m = 0; m < rows; m++)
            in[m] = a->pixel[first + m] + a->offset[t];
        for (int64_t i = 0; i < a->pairs;) {
            int64_t end = i + CLR_LINE < a->pairs ? i + CLR_LINE : a->pairs;
            clr_prefetch_next(a->prefetch);
            if (prefetches && prefetched < rows * vectors)
                prefetch_finish(vectors, a, first + 2 * rows, prefetched, prefetched + pace), prefetched += pace;
            for (; i < end; i++, panel += vectors * CLR_LANES * CLR_PAIR) {
                clr_pairs right[VECTORS];
                UNROLL_FOR (int v = 0; v < vectors; v++)
                    right[v] = clr_load_pairs(panel + v * CLR_LANES * CLR_PAIR);
                UNROLL_FOR (int m = 0; m < rows; m++) {
                    clr_pairs left = clr_broadcast_pair(in[m] + i * CLR_PAIR);
                    UNROLL_FOR (int v = 0; v < vectors; v++)
                        sum[v][m] = clr_dot(sum[v][m], left, right[v]);
                }
            }
        }
    }
    if (!a->ends || a->lanes < vectors * CLR_LANES) {
        float last[MOST_ROWS * LANES], *to = a->ends ? last : partial;
        UNROLL_FOR (int m = 0; m < rows; m++)
            UNROLL_FOR (int v = 0; v < vectors; v++)
                clr_store_vec(to + (m * vectors + v) * CLR_LANES, sum[v][m]);
        if (a->ends)
            finish_lanes(rows, vectors * CLR_LANES, a, first, last);
        return;
    }
    if (a->finish == PLAIN)
        UNROLL_FOR (int v = 0; v < vectors; v++)
            finish_vector(rows, a, first, v * CLR_LANES, sum[v], PLAIN);
    else if (a->finish == MOMENTS)
        UNROLL_FOR (int v = 0; v < vectors; v++)
            finish_vector(rows, a, first, v * CLR_LANES, sum[v], MOMENTS);
    else
        UNROLL_FOR (int v = 0; v < vectors; v++)
            finish_vector(rows, a, first, v * CLR_LANES, sum[v], RELU_BACKWARD);
}

/* All pixels, in tiles of `most` rows or, so that none is left over, fewer. */
#define SWEEP(vectors, most)                                                  \
    static void sweep_##vectors(const sweep *a)                               \
    {                                                                         \
        int tiles = (a->count + (most)-1) / (most);                           \
        for (int first = 0, rows; first < a->count; first += rows, tiles--) { \
            rows = (a->count - first + tiles - 1) / tiles;                    \
            switch (rows) {                                                   \
            case 8: tile(most < 8 ? most : 8, vectors, a, first); break;      \
            case 7: tile(most < 7 ? most : 7, vectors, a, first); break;      \
            case 6: tile(6, vectors, a, first); break;                        \
            case 5: tile(5, vectors, a, first); break;                        \
            case 4: tile(4, vectors, a, first); break;                        \
            case 3: tile(3, vectors, a, first); break;                        \
            case 2: tile(2, vectors, a, first); break;                        \
            default: tile(1, vectors, a, first);                              \
            }                                                                 \
        }                                                                     \
    }

SWEEP(1, 8)
#if defined(__AVX512F__)
SWEEP(2, 8)
SWEEP(4, 6)
#else
SWEEP(2, 6)
#endif

static void sweep_panel(const sweep *a, int width)
{
    switch (width / CLR_LANES) {
#if defined(__AVX512F__)
    case 4: sweep_4(a); break;
#endif
    case 2: sweep_2(a); break;
    default: sweep_1(a);
    }
}

/* Pixels that no tap reaches. */
static void clear(const sweep *a, int outputs)
{
    for (int i = 0; i < a->count; i++)
        if (a->stream)
            for (int j = 0; j < outputs; j += CLR_LANES)
                put(a->out[i] + j, (clr_vec){0}, true);
        else
            memset(a->out[i], 0, (size_t)outputs * sizeof *a->out[i]);
}

static void run_class(const plan *b, const class *in, const clr_element *packed, sweep *a, double *moments)
{
    int64_t offset[TAPS], moved[TAPS];
    panel_sums sums;

    if (!in->taps && !(a->add && a->finish == RELU_BACKWARD)) {
        if (!a->add)
            clear(a, b->outputs);
        return;
    }
    for (int t = 0; t < in->taps; t++)
        offset[t] = ((int64_t)(in->offset[t][0]) * b->stage.columns + in->offset[t][1]) * b->stage.channels;
    a->offset = moved;
    a->sums = &sums;
    a->taps = in->taps;
    for (int panel = 0; panel < b->panels; panel++) {
        memset(&sums, 0, sizeof sums);
        a->panel = packed + ((size_t)in->first_tap * (size_t)b->panels + (size_t)panel * (size_t)in->taps) *
                                (size_t)b->padded * (size_t)b->width;
        a->output = panel * b->width;
        a->lanes = (int)clr_min64(b->width, b->outputs - a->output);
        for (int i0 = 0; i0 < b->inputs; i0 += b->chunk) {
            for (int t = 0; t < in->taps; t++)
                moved[t] = offset[t] + i0;
            a->pairs = (int)clr_min64(b->chunk, b->padded - i0) / CLR_PAIR;
            a->begins = i0 == 0;
            a->ends = i0 + b->chunk >= b->inputs;
            sweep_panel(a, b->width);
            a->panel += (size_t)in->taps * (size_t)a->pairs * (size_t)b->width * CLR_PAIR;
        }
        for (int l = 0; moments && l < a->lanes; l++) {
            double pivot = sums.pivot[l], first = sums.first[l], second = sums.second[l];
            moments[a->output + l] += first + a->count * pivot;
            moments[b->outputs + a->output + l] += second + pivot * (2 * first + a->count * pivot);
        }
    }
}

typedef struct item {
    int image, images, first, last; /* images; rows of the output */
    int low, rows;                  /* staged rows */
} item;

static item item_of(const clr_conv_problem *a, clr_direction direction, const plan *b, int index, int images)
{
    item one = {.image = index / b->items_per_image * b->images, .first = index % b->items_per_image * b->rows};

    one.images = (int)clr_min64(b->images, images - one.image);
    one.last = (int)clr_min64(one.first + b->rows, b->out_h);
    one.rows = rows_for(a, direction, b, one.first, one.last, &one.low);
    return one;
}

/* Sets up the prefetch of what the next item reads, spread evenly over the arithmetic of this item. Nothing is
   prefetched where the item skips cache lines. */
static clr_prefetch prefetch_rows(const plan *b, const item *one, const clr_element *in)
{
    enum { TILE = 6 }; /* pixels, about */
    int low = (int)clr_max64(0, one->low), high = (int)clr_min64(b->stage.h, one->low + one->rows), taps = 0;
    int64_t row = (int64_t)b->stage.w * b->stage.channels;
    const clr_element *at = in + ((int64_t)one->image * b->stage.h + low) * row;
    int64_t elements = b->stage.pick > 1 ? 0 : ((int64_t)(one->images - 1) * b->stage.h + high - low) * row;

    for (int i = 0; i < b->classes; i++)
        taps += b->class[i].taps;
    int64_t tiles = (int64_t)one->images * (one->last - one->first) * b->out_w * b->panels / (TILE * b->classes) + 1;
    int64_t floats = elements * (int64_t)sizeof *at / 4;
    return (clr_prefetch){.at = (const char *)at,
                          .end = (const char *)(at + elements),
                          .pace = (int)(floats / (tiles * taps * b->padded / CLR_PAIR) + 1)};
}

static void apply(const clr_conv_problem *a, clr_direction direction, const clr_conv_args *args)
{
    int threads = omp_get_max_threads();
    const plan b = plan_for(a, direction, threads);
    clr_element *packed = args->workspace;
    char *own = (char *)args->workspace + clr_aligned(b.packed * sizeof(clr_element));
    bool forward = direction == CLR_FORWARD, gather = args->moments && (forward || args->relu_backward);
    const clr_element *in = forward ? args->x : args->dy;
    clr_element *out = forward ? args->y : args->dx;
    clr_prologue prologue = forward ? args->prologue : (clr_prologue){0};
    bool adds_residual = forward && args->residual.y,
         lies = b.may_lie && !prologue.scale && !adds_residual &&
                b.inputs == b.padded; /* a residual: only where implicit.c allows it */
    bool streamed =
        adds_residual && clr_residual_add_streams(&args->residual, (int64_t)args->images * a->h * a->w, a->c);
    int groups = (args->images + b.images - 1) / b.images, items = groups * b.items_per_image;
    sweep job = {.add = args->accumulate && !forward,
                 .finish = !forward && args->relu_backward ? RELU_BACKWARD
                           : gather                        ? MOMENTS
                                                           : PLAIN,
                 .base = out,
                 .x = args->x,
                 .bn_input = args->bn_input ? args->bn_input : args->x,
                 .scale = args->prologue.scale,
                 .shift = args->prologue.shift,
                 .mean = args->mean,
                 .relu = args->prologue.relu};

    job.stream = !job.add && (int64_t)args->images * b.out_h * b.out_w * b.outputs * (int64_t)sizeof *out > STREAMED &&
                 b.outputs % CLR_LANES == 0 && (uintptr_t)out % CLR_ALIGN == 0;
#pragma omp parallel num_threads(threads) firstprivate(job)
    {
        int thread = omp_get_thread_num();
        char *mine = own + (size_t)thread * b.thread_bytes;
        clr_element *staged = (clr_element *)(mine + b.at_stage);
        const clr_element **pixel = (const clr_element **)(mine + b.at_pointers);
        clr_element **target = (clr_element **)(mine + b.at_pointers + clr_aligned(b.pixels * sizeof(clr_element *)));
        double *sums = (double *)(mine + b.at_sums);
        job.pixel = pixel, job.out = target, job.partial = (float *)(mine + b.at_partial);
        memset(sums, 0, 2 * (size_t)b.outputs * sizeof *sums);
        pack(a, direction, &b, args->weight, packed);
        int begin = (int)clr_share(items, threads, thread), end = (int)clr_share(items, threads, thread + 1);
        clr_prefetch prefetch, shortcut;
        job.prefetch = &prefetch;
        for (int i = begin; i < end; i++) {
            item one = item_of(a, direction, &b, i, args->images),
                 next = item_of(a, direction, &b, i + 1, args->images);
            prefetch =
                i + 1 < end ? prefetch_rows(&b, &next, adds_residual ? args->residual.y : in) : (clr_prefetch){0};
            if (i + 1 < end && adds_residual) {
                shortcut = prefetch_rows(&b, &next, args->residual.shortcut);
                prefetch.pace *= 2, shortcut.pace *= 2, prefetch.then = &shortcut;
            }
            size_t image_elements = (size_t)one.rows * (size_t)b.stage.columns * (size_t)b.stage.channels;
            if (adds_residual) {
                int64_t row = ((int64_t)one.image * a->h + one.first) * a->w,
                        rows = (int64_t)one.images * (one.last - one.first) * a->w;
                clr_residual_add_rows(&args->residual, row, row + rows, a->c, staged, streamed);
            }
            for (int image = 0; image < one.images && !lies && !adds_residual; image++) {
                const clr_element *from = in + (int64_t)(one.image + image) * b.stage.h * b.stage.w * b.stage.channels;
                stage_rows(&b.stage, &from, 1, &prologue, one.low, one.rows, 0, b.stage.channels,
                           staged + (size_t)image * image_elements);
            }
            if (b.padded > b.inputs) /* the other half of the last pair, which zero multiplies */
                staged[(size_t)one.images * image_elements] = 0;
            for (int c = 0; c < b.classes; c++) {
                const class *in_class = &b.class[c];
                job.count = 0;
                for (int image = 0; image < one.images; image++)
                    for (int h = one.first + in_class->h; h < one.last; h += b.spread)
                        for (int w = in_class->w; w < b.out_w; w += b.spread) {
                            int row = forward ? h * b.step : h / b.spread,
                                column = (forward ? w * b.step : w / b.spread);
                            if (lies)
                                pixel[job.count] =
                                    in + (((int64_t)(one.image + image) * b.stage.h + row * b.stage.pick) * b.stage.w +
                                          column * b.stage.pick) *
                                             b.stage.channels;
                            else
                                pixel[job.count] =
                                    staged + (size_t)image * image_elements +
                                    ((int64_t)(row - (forward ? one.first * b.step : one.low)) * b.stage.columns +
                                     column - (forward ? 0 : b.stage.low)) *
                                        b.stage.channels;
                            target[job.count++] =
                                out + (((int64_t)(one.image + image) * b.out_h + h) * b.out_w + w) * b.outputs;
                        }
                if (job.count)
                    run_class(&b, in_class, packed, &job, gather ? sums : NULL);
            }
        }
        clr_stream_end();
    }
    if (!gather)
        return;
    memset(args->moments, 0, 2 * (size_t)b.outputs * sizeof(double));
    for (int thread = 0; thread < threads; thread++) {
        const double *sums = (const double *)(own + (size_t)thread * b.thread_bytes + b.at_sums);
        for (int i = 0; i < 2 * b.outputs; i++)
            args->moments[i] += sums[i];
    }
}

const clr_implicit_kernel CLR_STORED_KERNEL(clr_implicit_kernel) = {
    .lanes = CLR_LANES, .workspace = workspace, .apply = apply};
