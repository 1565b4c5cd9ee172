/* Implicit GEMM. Forward and the gradient of x are both sums over taps,

     out[pixel][j] = sum_t sum_i staged[at(pixel) + offset(t)][i] panel[t][i][j],

   over a staged copy of the input rows: zero-padded, seen through the lens. Forward: i = c, j = k, one class of pixels, at(p, q) =
   (p stride, q stride), offset(r, s) = (r, s). Gradient of x: i = k, j = c; the pixels (h, w) fall into stride^2 classes by
   (h mod stride, w mod stride), each with the taps that reach it, and inside a class at(i, j) = (i, j) and
   offset(r, s) = ((h0 + pad - r) / stride, (w0 + pad - s) / stride), an exact division.

   Gradient of the weight: dw[t][c][k] = sum over pixels of staged[at(pixel) + offset(t)][c] dy[pixel][k].

   A register tile is ROWS pixels (or channels c) x VECTORS vectors of outputs. Weights are packed into panels of VECTORS vectors,
   chunk by chunk of inputs, so that a chunk's panel stays in the second-level cache while all pixels of an item pass it. An item is
   a group of whole images, or a band of rows of one; items are dealt to threads in contiguous parts, by index. For the weight's
   gradient threads either part the images, each with sums of its own added up in the order of threads, or, where these would be
   large, the channels c. */
#include "implicit.h"

#include "clr/isa.h"
#include "clr/mem.h"
#include "moments.h"

#include <omp.h>
#include <string.h>

enum {
    STAGE = 256 << 10,  /* bytes of staging that an item aims at */
    PANEL = 160 << 10,  /* bytes of a chunk's panel */
    ITEM_PIXELS = 1024, /* pixels of an item, at most, unless one row has more */
    OWN_SUMS = 1 << 20, /* floats of dw above which threads part the channels */
    TAPS = CLR_IMPLICIT_TAPS,
};

extern const clr_implicit_kernel CLR_KERNEL(clr_implicit_kernel);

/* What one class of output pixels takes. */
typedef struct class {
    int h, w;      /* first output pixel */
    int taps;
    int offset[TAPS][2]; /* rows and columns of the staging, relative to the pixel's place */
    int tap[TAPS]; /* r S + s */
    int first_tap; /* of this class in the packed weights */
} class;

typedef struct plan {
    int inputs, outputs;         /* channels */
    int in_h, in_w;              /* of the tensor that is staged */
    int out_h, out_w;
    int step;                    /* staged pixels between neighbouring outputs of a class: stride, or 1 */
    int spread;                  /* output pixels between neighbours of a class: 1, or stride */
    int low, columns;            /* first staged column, may be negative; how many */
    int images, rows;            /* of an item: images > 1 only with all rows */
    int items_per_image, threads;
    int vectors, width;          /* of a panel */
    int panels, chunk;           /* how many panels; inputs in a chunk */
    int classes;
    class class[CLR_IMPLICIT_STRIDE * CLR_IMPLICIT_STRIDE];
    size_t pack_floats, stage_floats, pixels;
    size_t at_stage, at_pointers, at_sums, thread_bytes, total;
} plan;

static size_t align(size_t bytes)
{
    return (bytes + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN;
}

static int floor_div(int a, int b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* Staged rows that output rows first .. last-1 need: *low .. *low + result - 1. */
static int rows_for(const clr_conv_problem *a, clr_direction direction, int first, int last, int *low)
{
    if (direction != CLR_BACKWARD_DATA) {
        *low = first * a->stride - a->pad;
        return (last - 1 - first) * a->stride + a->r;
    }
    *low = floor_div(first + a->pad - a->r + 1, a->stride);
    return floor_div(last - 1 + a->pad, a->stride) - *low + 1;
}

static void classify(const clr_conv_problem *a, clr_direction direction, plan *b)
{
    int used = 0;

    b->classes = 0;
    for (int h = 0; h < b->spread; h++)
        for (int w = 0; w < b->spread; w++) {
            class *one = &b->class[b->classes++];
            *one = (class){.h = h, .w = w, .first_tap = used};
            for (int r = 0; r < a->r; r++)
                for (int s = 0; s < a->s; s++) {
                    int row = r, column = s;
                    if (direction == CLR_BACKWARD_DATA) {
                        row = h + a->pad - r, column = w + a->pad - s;
                        if (row - floor_div(row, a->stride) * a->stride || column - floor_div(column, a->stride) * a->stride)
                            continue;
                        row = floor_div(row, a->stride), column = floor_div(column, a->stride);
                    }
                    one->offset[one->taps][0] = row;
                    one->offset[one->taps][1] = column;
                    one->tap[one->taps++] = r * a->s + s;
                }
            used += one->taps;
        }
}

static plan plan_for(const clr_conv_problem *a, clr_direction direction, int threads)
{
    plan b = {.threads = threads};
    bool data = direction == CLR_BACKWARD_DATA;
    int low, taps = a->r * a->s;

    b.inputs = data ? a->k : a->c;
    b.outputs = data ? a->c : a->k;
    b.in_h = data ? a->p : a->h;
    b.in_w = data ? a->q : a->w;
    b.out_h = data ? a->h : a->p;
    b.out_w = data ? a->w : a->q;
    b.step = data ? 1 : a->stride;
    b.spread = data ? a->stride : 1;
    b.low = data ? floor_div(a->pad - a->s + 1, a->stride) : -a->pad;
    b.columns = data ? floor_div(a->w - 1 + a->pad, a->stride) - b.low + 1 : (a->q - 1) * a->stride + a->s;
    classify(a, direction, &b);

    /* Items: bands of rows of about STAGE bytes, or groups of small images that still leave every thread some. */
    size_t row_bytes = (size_t)b.columns * (size_t)b.inputs * sizeof(float);
    size_t image_bytes = row_bytes * (size_t)rows_for(a, direction, 0, b.out_h, &low);
    b.images = 1;
    b.rows = b.out_h;
    if (image_bytes <= STAGE && b.out_h * b.out_w <= ITEM_PIXELS) {
        int most = (int)clr_min64((int64_t)(STAGE / image_bytes), ITEM_PIXELS / (b.out_h * b.out_w));
        int fair = (a->n + 4 * threads - 1) / (4 * threads);
        b.images = (int)clr_max64(1, clr_min64(most, fair));
    } else {
        int rows = b.out_h;
        while (rows > b.spread && ((size_t)rows_for(a, direction, 0, rows, &low) * row_bytes > STAGE || rows * b.out_w > ITEM_PIXELS))
            rows = (rows + 1) / 2;
        rows = (rows + b.spread - 1) / b.spread * b.spread;
        b.rows = (int)clr_min64(rows, b.out_h);
    }
    b.items_per_image = (b.out_h + b.rows - 1) / b.rows;
    b.pixels = (size_t)b.images * (size_t)b.rows * (size_t)b.out_w;

    /* One spare row and column, so that partial class bands never read past the end. */
    b.stage_floats = (size_t)b.images * ((size_t)rows_for(a, direction, 0, b.rows, &low) + 1) * (size_t)b.columns * (size_t)b.inputs +
                     (size_t)b.inputs;

    b.vectors = b.outputs > 2 * CLR_LANES ? 4 : b.outputs > CLR_LANES ? 2 : 1;
    b.width = b.vectors * CLR_LANES;
    b.panels = (b.outputs + b.width - 1) / b.width;
    int most_taps = (taps + b.spread * b.spread - 1) / (b.spread * b.spread);
    b.chunk = (int)clr_max64(8, PANEL / (int64_t)((size_t)most_taps * (size_t)b.width * sizeof(float)));
    b.chunk = (int)clr_min64(b.chunk, b.inputs);
    b.pack_floats = direction == CLR_BACKWARD_WEIGHT ? 0 : (size_t)taps * (size_t)b.inputs * (size_t)b.panels * (size_t)b.width;

    size_t pack = align(b.pack_floats * sizeof(float)), at = 0;
    b.at_stage = at, at += align(b.stage_floats * sizeof(float));
    b.at_pointers = at, at += align(b.pixels * sizeof(float *)) + align(b.pixels * sizeof(float *));
    b.at_sums = at;
    if (direction != CLR_BACKWARD_WEIGHT)
        at += align(2 * (size_t)b.outputs * sizeof(double));
    else if ((size_t)taps * (size_t)a->c * (size_t)a->k <= OWN_SUMS)
        at += align((size_t)taps * (size_t)a->c * (size_t)a->k * sizeof(float));
    b.thread_bytes = at;
    b.total = pack + (size_t)threads * at;
    return b;
}

static size_t workspace(const clr_conv_problem *a, clr_direction direction, int threads)
{
    return plan_for(a, direction, threads).total;
}

/* One row of pixels, channels c0 .. c0+n-1 of all, through the lens. */
static void see_row(float *to, int to_ld, const float *from, int from_ld, int pixels, int c0, int n, const clr_lens *lens)
{
    const float *restrict scale = lens->scale ? lens->scale + c0 : NULL, *restrict shift = lens->scale ? lens->shift + c0 : NULL;

    for (int i = 0; i < pixels; i++) {
        float *restrict out = to + (int64_t)i * to_ld;
        const float *restrict in = from + (int64_t)i * from_ld + c0;
        if (!scale)
            memcpy(out, in, (size_t)n * sizeof *out);
        else if (lens->relu)
            for (int c = 0; c < n; c++) {
                float seen = scale[c] * in[c] + shift[c];
                out[c] = seen > 0 ? seen : 0;
            }
        else
            for (int c = 0; c < n; c++)
                out[c] = scale[c] * in[c] + shift[c];
    }
}

/* Rows low .. low+rows-1 of one image, channels c0 .. c0+n-1, into stage (rows, columns, n); what lies outside is zero. */
static void stage_rows(const plan *b, const float *image, const clr_lens *lens, int low, int rows, int c0, int n, float *stage)
{
    size_t row_floats = (size_t)b->columns * (size_t)n;
    int left = b->low < 0 ? -b->low : 0, first = b->low > 0 ? b->low : 0;
    int inside = (int)clr_max64(0, clr_min64(b->in_w - first, b->columns - left));

    for (int row = 0; row < rows; row++, stage += row_floats) {
        int h = low + row;
        if (h < 0 || h >= b->in_h) {
            memset(stage, 0, row_floats * sizeof *stage);
            continue;
        }
        memset(stage, 0, (size_t)left * (size_t)n * sizeof *stage);
        see_row(stage + (size_t)left * (size_t)n, n, image + ((int64_t)h * b->in_w + first) * b->inputs, b->inputs, inside, c0, n, lens);
        memset(stage + (size_t)(left + inside) * (size_t)n, 0, (size_t)(b->columns - left - inside) * (size_t)n * sizeof *stage);
    }
}

/* ---- out = staged x panel ---- */

typedef struct sweep {
    const float *const *pixel; /* where each output's staging begins */
    float *const *out;
    int output;                /* first output channel of this panel */
    int count;
    const int64_t *offset;     /* of each tap, floats */
    int taps, inputs;          /* of this chunk */
    const float *panel;        /* (taps, inputs, width) */
    int lanes;                 /* outputs of this panel that exist */
    bool add;
} sweep;

#define TILE(ROWS, VECTORS)                                                                                              \
    static inline void tile_##ROWS##_##VECTORS(const float *const *pixel, const sweep *a, float (*restrict out)[VECTORS * CLR_LANES]) \
    {                                                                                                                   \
        clr_vec sum[ROWS][VECTORS] = {0};                                                                               \
        const float *panel = a->panel;                                                                                  \
        for (int t = 0; t < a->taps; t++) {                                                                             \
            const float *in[ROWS];                                                                                      \
            _Pragma("GCC unroll 16") for (int m = 0; m < ROWS; m++) in[m] = pixel[m] + a->offset[t];                     \
            for (int i = 0; i < a->inputs; i++, panel += VECTORS * CLR_LANES) {                                         \
                clr_vec right[VECTORS];                                                                                 \
                _Pragma("GCC unroll 4") for (int v = 0; v < VECTORS; v++) right[v] = clr_load(panel + v * CLR_LANES);    \
                _Pragma("GCC unroll 16") for (int m = 0; m < ROWS; m++)                                                  \
                {                                                                                                       \
                    clr_vec left = clr_broadcast(in[m][i]);                                                             \
                    _Pragma("GCC unroll 4") for (int v = 0; v < VECTORS; v++) sum[m][v] += left * right[v];              \
                }                                                                                                       \
            }                                                                                                           \
        }                                                                                                               \
        _Pragma("GCC unroll 16") for (int m = 0; m < ROWS; m++)                                                          \
            _Pragma("GCC unroll 4") for (int v = 0; v < VECTORS; v++) clr_store_vec(&out[m][v * CLR_LANES], sum[m][v]);  \
    }                                                                                                                   \
    static void sweep_##VECTORS(const sweep *a)                                                                         \
    {                                                                                                                   \
        float out[ROWS][VECTORS * CLR_LANES];                                                                           \
        for (int first = 0; first < a->count; first += ROWS) {                                                          \
            int n = a->count - first < ROWS ? a->count - first : ROWS;                                                  \
            const float *pixel[ROWS];                                                                                   \
            for (int m = 0; m < ROWS; m++)                                                                              \
                pixel[m] = a->pixel[first + (m < n ? m : 0)];                                                           \
            tile_##ROWS##_##VECTORS(pixel, a, out);                                                                     \
            for (int m = 0; m < n; m++) {                                                                               \
                float *to = a->out[first + m] + a->output;                                                                       \
                if (a->lanes == VECTORS * CLR_LANES) {                                                                  \
                    if (a->add)                                                                                         \
                        for (int j = 0; j < VECTORS * CLR_LANES; j++)                                                   \
                            to[j] += out[m][j];                                                                         \
                    else                                                                                                \
                        memcpy(to, out[m], sizeof out[m]);                                                              \
                } else                                                                                                  \
                    for (int j = 0; j < a->lanes; j++)                                                                  \
                        to[j] = a->add ? to[j] + out[m][j] : out[m][j];                                                 \
            }                                                                                                           \
        }                                                                                                               \
    }

#if defined(__AVX512F__)
TILE(6, 4)
TILE(8, 2)
TILE(12, 1)
#else
TILE(2, 4)
TILE(4, 2)
TILE(8, 1)
#endif

/* Panels of each class, chunk by chunk: (chunk, tap, input, lane), one class after the other. Threads part the panels. */
static void pack(const clr_conv_problem *a, clr_direction direction, const plan *b, const float *weight, float *packed)
{
#pragma omp for schedule(static) collapse(2)
    for (int one = 0; one < b->classes; one++)
        for (int panel = 0; panel < b->panels; panel++) {
            const class *in = &b->class[one];
            int j0 = panel * b->width, lanes = (int)clr_min64(b->width, b->outputs - j0);
            float *to = packed + ((size_t)in->first_tap * (size_t)b->panels + (size_t)panel * (size_t)in->taps) * (size_t)b->inputs *
                                     (size_t)b->width;
            for (int i0 = 0; i0 < b->inputs; i0 += b->chunk)
                for (int t = 0; t < in->taps; t++)
                    for (int i = i0; i < i0 + b->chunk && i < b->inputs; i++, to += b->width) {
                        const float *from = weight + (int64_t)in->tap[t] * a->c * a->k;
                        if (direction == CLR_FORWARD)
                            memcpy(to, from + (int64_t)i * a->k + j0, (size_t)lanes * sizeof *to);
                        else
                            for (int j = 0; j < lanes; j++)
                                to[j] = from[(int64_t)(j0 + j) * a->k + i];
                        memset(to + lanes, 0, (size_t)(b->width - lanes) * sizeof *to);
                    }
        }
}

static void run_class(const plan *b, const class *in, const float *packed, sweep *a, bool add)
{
    int64_t offset[TAPS];

    if (!in->taps) {
        for (int i = 0; i < a->count && !add; i++)
            memset(a->out[i], 0, (size_t)b->outputs * sizeof(float));
        return;
    }
    for (int t = 0; t < in->taps; t++)
        offset[t] = ((int64_t)(in->offset[t][0]) * b->columns + in->offset[t][1]) * b->inputs;
    for (int panel = 0; panel < b->panels; panel++) {
        a->panel = packed + ((size_t)in->first_tap * (size_t)b->panels + (size_t)panel * (size_t)in->taps) * (size_t)b->inputs *
                                (size_t)b->width;
        a->lanes = (int)clr_min64(b->width, b->outputs - panel * b->width);
        a->taps = in->taps;
        a->output = panel * b->width;
        for (int i0 = 0; i0 < b->inputs; i0 += b->chunk) {
            int64_t moved[TAPS];
            for (int t = 0; t < in->taps; t++)
                moved[t] = offset[t] + i0;
            a->offset = moved;
            a->inputs = (int)clr_min64(b->chunk, b->inputs - i0);
            a->add = add || i0 > 0;
            b->vectors == 4 ? sweep_4(a) : b->vectors == 2 ? sweep_2(a) : sweep_1(a);
            a->panel += (size_t)in->taps * (size_t)a->inputs * (size_t)b->width;
        }
    }
}

static void products(const clr_conv_problem *a, clr_direction direction, const clr_conv_args *args)
{
    int threads = omp_get_max_threads();
    const plan b = plan_for(a, direction, threads);
    float *packed = args->workspace;
    char *own = (char *)args->workspace + align(b.pack_floats * sizeof(float));
    const float *in = direction == CLR_FORWARD ? args->x : args->dy;
    float *out = direction == CLR_FORWARD ? args->y : args->dx;
    clr_lens lens = direction == CLR_FORWARD ? args->lens : (clr_lens){0};
    int groups = (args->images + b.images - 1) / b.images, items = groups * b.items_per_image;
    bool gather = args->moments && (direction == CLR_FORWARD || args->seen);

#pragma omp parallel num_threads(threads)
    {
        int thread = omp_get_thread_num();
        char *mine = own + (size_t)thread * b.thread_bytes;
        float *stage = (float *)(mine + b.at_stage);
        const float **pixel = (const float **)(mine + b.at_pointers);
        float **target = (float **)(mine + b.at_pointers + align(b.pixels * sizeof(float *)));
        double *sums = (double *)(mine + b.at_sums);
        memset(sums, 0, 2 * (size_t)b.outputs * sizeof *sums);
        pack(a, direction, &b, args->weight, packed);
        for (int item = (int)clr_share(items, threads, thread); item < (int)clr_share(items, threads, thread + 1); item++) {
            int image = item / b.items_per_image * b.images, images = (int)clr_min64(b.images, args->images - image);
            int first = item % b.items_per_image * b.rows, last = (int)clr_min64(first + b.rows, b.out_h), low;
            int rows = rows_for(a, direction, first, last, &low);
            size_t image_floats = (size_t)rows * (size_t)b.columns * (size_t)b.inputs;
            for (int i = 0; i < images; i++)
                stage_rows(&b, in + (int64_t)(image + i) * b.in_h * b.in_w * b.inputs, &lens, low, rows, 0, b.inputs,
                           stage + (size_t)i * image_floats);
            for (int c = 0; c < b.classes; c++) {
                const class *one = &b.class[c];
                sweep job = {.pixel = pixel, .out = target};
                for (int i = 0; i < images; i++)
                    for (int h = first + one->h; h < last; h += b.spread)
                        for (int w = one->w; w < b.out_w; w += b.spread) {
                            int row = direction == CLR_FORWARD ? (h - first) * b.step : h / b.spread - low;
                            int column = direction == CLR_FORWARD ? w * b.step : w / b.spread - b.low;
                            pixel[job.count] = stage + (size_t)i * image_floats + ((int64_t)row * b.columns + column) * b.inputs;
                            target[job.count++] = out + (((int64_t)(image + i) * b.out_h + h) * b.out_w + w) * b.outputs;
                        }
                run_class(&b, one, packed, &job, args->accumulate);
            }
            int64_t from = ((int64_t)image * b.out_h + first) * b.out_w, n = (int64_t)images * (last - first) * b.out_w;
            if (direction == CLR_FORWARD && gather)
                clr_moments_rows(out + from * b.outputs, n, b.outputs, b.outputs, sums, b.outputs);
            else if (args->seen)
                clr_seen_rows(out + from * b.outputs, args->x + from * b.outputs, n, b.outputs, &args->lens, args->mean,
                              gather ? sums : NULL, b.outputs);
        }
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

/* ---- dw = staged^T x dy ---- */

typedef struct outer {
    const float *x;     /* of the first pixel, at channel c and tap */
    int64_t x_pixel, x_row, x_image;
    const float *dy;    /* at output k; pixels follow each other */
    int64_t dy_pixel;
    int images, rows, columns;
    float *dw;          /* (rows of c, K) */
    int64_t ld;
} outer;

#define OUTER(ROWS, VECTORS)                                                                                             \
    static void outer_##ROWS##_##VECTORS(const outer *a)                                                                 \
    {                                                                                                                   \
        clr_vec sum[ROWS][VECTORS] = {0};                                                                               \
        const float *dy = a->dy;                                                                                        \
        for (int image = 0; image < a->images; image++)                                                                 \
            for (int row = 0; row < a->rows; row++) {                                                                   \
                const float *x = a->x + image * a->x_image + row * a->x_row;                                            \
                for (int column = 0; column < a->columns; column++, x += a->x_pixel, dy += a->dy_pixel) {               \
                    clr_vec right[VECTORS];                                                                             \
                    _Pragma("GCC unroll 4") for (int v = 0; v < VECTORS; v++) right[v] = clr_load(dy + v * CLR_LANES);   \
                    _Pragma("GCC unroll 16") for (int m = 0; m < ROWS; m++)                                              \
                    {                                                                                                   \
                        clr_vec left = clr_broadcast(x[m]);                                                             \
                        _Pragma("GCC unroll 4") for (int v = 0; v < VECTORS; v++) sum[m][v] += left * right[v];          \
                    }                                                                                                   \
                }                                                                                                       \
            }                                                                                                           \
        _Pragma("GCC unroll 16") for (int m = 0; m < ROWS; m++)                                                          \
            _Pragma("GCC unroll 4") for (int v = 0; v < VECTORS; v++)                                                    \
        {                                                                                                               \
            float *to = a->dw + m * a->ld + v * CLR_LANES;                                                              \
            clr_store_vec(to, clr_load(to) + sum[m][v]);                                                                \
        }                                                                                                               \
    }

OUTER(1, 1)
OUTER(1, 2)
OUTER(1, 4)
#if defined(__AVX512F__)
OUTER(6, 4)
OUTER(8, 2)
OUTER(12, 1)
enum { OUTER_4 = 6, OUTER_2 = 8, OUTER_1 = 12 };
#define BEST_4 outer_6_4
#define BEST_2 outer_8_2
#define BEST_1 outer_12_1
#else
OUTER(2, 4)
OUTER(4, 2)
OUTER(8, 1)
enum { OUTER_4 = 2, OUTER_2 = 4, OUTER_1 = 8 };
#define BEST_4 outer_2_4
#define BEST_2 outer_4_2
#define BEST_1 outer_8_1
#endif
OUTER(3, 4)
OUTER(3, 2)
OUTER(3, 1)

/* k left over after whole vectors: plain loops. */
static void outer_rest(const outer *a, int c, int k)
{
    const float *dy = a->dy;

    for (int image = 0; image < a->images; image++)
        for (int row = 0; row < a->rows; row++)
            for (int column = 0; column < a->columns; column++, dy += a->dy_pixel) {
                const float *x = a->x + image * a->x_image + row * a->x_row + column * a->x_pixel;
                for (int m = 0; m < c; m++)
                    for (int j = 0; j < k; j++)
                        a->dw[m * a->ld + j] += x[m] * dy[j];
            }
}

static void outer_all(outer a, int c, int k)
{
    const float *x = a.x, *dy = a.dy;
    float *dw = a.dw;

    for (int k0 = 0; k0 < k;) {
        int left = k - k0, vectors = left >= 4 * CLR_LANES ? 4 : left >= 2 * CLR_LANES ? 2 : left >= CLR_LANES ? 1 : 0;
        int rows = vectors == 4 ? OUTER_4 : vectors == 2 ? OUTER_2 : OUTER_1;
        a.dy = dy + k0;
        if (!vectors) {
            a.x = x, a.dw = dw + k0;
            outer_rest(&a, c, left);
            return;
        }
        for (int m = 0; m < c;) {
            a.x = x + m;
            a.dw = dw + m * a.ld + k0;
            int n = c - m >= rows ? rows : c - m >= 3 ? 3 : 1;
            if (n == rows)
                vectors == 4 ? BEST_4(&a) : vectors == 2 ? BEST_2(&a) : BEST_1(&a);
            else if (n == 3)
                vectors == 4 ? outer_3_4(&a) : vectors == 2 ? outer_3_2(&a) : outer_3_1(&a);
            else
                vectors == 4 ? outer_1_4(&a) : vectors == 2 ? outer_1_2(&a) : outer_1_1(&a);
            m += n;
        }
        k0 += vectors * CLR_LANES;
    }
}

static void weight_gradient(const clr_conv_problem *a, const clr_conv_args *args)
{
    int threads = omp_get_max_threads(), taps = a->r * a->s;
    const plan b = plan_for(a, CLR_BACKWARD_WEIGHT, threads);
    size_t floats = (size_t)taps * (size_t)a->c * (size_t)a->k;
    bool own = floats <= OWN_SUMS;
    int items = (args->images + b.images - 1) / b.images * b.items_per_image;

#pragma omp parallel num_threads(threads)
    {
        int thread = omp_get_thread_num();
        char *mine = (char *)args->workspace + (size_t)thread * b.thread_bytes;
        float *stage = (float *)(mine + b.at_stage), *dw = own ? (float *)(mine + b.at_sums) : args->dw;
        int c0 = own ? 0 : (int)clr_share(a->c, threads, thread), c1 = own ? a->c : (int)clr_share(a->c, threads, thread + 1);
        int channels = c1 - c0;
        if (own)
            memset(dw, 0, floats * sizeof *dw);
        else if (!args->accumulate)
            for (int t = 0; t < taps; t++)
                memset(dw + ((size_t)t * (size_t)a->c + (size_t)c0) * (size_t)a->k, 0, (size_t)channels * (size_t)a->k * sizeof *dw);
        for (int item = own ? (int)clr_share(items, threads, thread) : 0;
             channels > 0 && item < (own ? (int)clr_share(items, threads, thread + 1) : items); item++) {
            int image = item / b.items_per_image * b.images, images = (int)clr_min64(b.images, args->images - image);
            int first = item % b.items_per_image * b.rows, last = (int)clr_min64(first + b.rows, a->p), low;
            int rows = rows_for(a, CLR_BACKWARD_WEIGHT, first, last, &low);
            size_t image_floats = (size_t)rows * (size_t)b.columns * (size_t)channels;
            for (int i = 0; i < images; i++)
                stage_rows(&b, args->x + (int64_t)(image + i) * a->h * a->w * a->c, &args->lens, low, rows, c0, channels,
                           stage + (size_t)i * image_floats);
            outer job = {.x_pixel = (int64_t)a->stride * channels,
                         .x_row = (int64_t)a->stride * b.columns * channels,
                         .x_image = (int64_t)image_floats,
                         .dy = args->dy + ((int64_t)image * a->p + first) * a->q * a->k,
                         .dy_pixel = a->k,
                         .images = images,
                         .rows = last - first,
                         .columns = a->q,
                         .ld = a->k};
            for (int r = 0; r < a->r; r++)
                for (int s = 0; s < a->s; s++) {
                    job.x = stage + ((int64_t)r * b.columns + s) * channels;
                    job.dw = dw + ((int64_t)(r * a->s + s) * a->c + c0) * a->k;
                    outer_all(job, channels, a->k);
                }
        }
        if (own) {
#pragma omp barrier
            size_t begin = (size_t)clr_share((int64_t)floats, threads, thread), end = (size_t)clr_share((int64_t)floats, threads, thread + 1);
            for (size_t i = begin; i < end; i++) {
                float sum = args->accumulate ? args->dw[i] : 0;
                for (int other = 0; other < threads; other++)
                    sum += ((const float *)((char *)args->workspace + (size_t)other * b.thread_bytes + b.at_sums))[i];
                args->dw[i] = sum;
            }
        }
    }
}

static void apply(const clr_conv_problem *problem, clr_direction direction, const clr_conv_args *args)
{
    if (direction == CLR_BACKWARD_WEIGHT)
        weight_gradient(problem, args);
    else
        products(problem, direction, args);
}

const clr_implicit_kernel CLR_KERNEL(clr_implicit_kernel) = {.lanes = CLR_LANES, .workspace = workspace, .apply = apply};
