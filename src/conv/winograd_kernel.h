/* The body of winograd2_kernel.c and winograd4_kernel.c, which define before it: TILE (m), and the transforms of a vector of
   values in one dimension, all a = m + 2:
     transform_input    B^T d   a -> a        transform_weight    G g    3 -> a        transform_output    A^T m   a -> m
     transform_gradient A dy    m -> a        collect_weight      G^T z  a -> 3
   In two dimensions each is done along the columns, then along the rows. */

#include "winograd.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

enum { A = TILE + 2, PANEL = CLR_WINOGRAD_PANEL, CHUNK = CLR_WINOGRAD_CHUNK, AHEAD = 4 };

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* Past the caches where the processor takes a whole line at once. */
INLINE void stream(float *at, clr_vec v)
{
#if defined(__AVX512F__)
    _mm512_stream_ps(at, (__m512)v);
#else
    clr_store_vec(at, v);
#endif
}

/* v where test is true (-1), else 0. */
INLINE clr_vec only_where(clr_vec_i test, clr_vec v)
{
    return (clr_vec)((clr_vec_i)v & test);
}

/* max(v, 0); a NaN stays. */
INLINE clr_vec relu(clr_vec v)
{
#if defined(__AVX512F__)
    return (clr_vec)_mm512_max_ps(_mm512_setzero_ps(), (__m512)v);
#else
    return only_where(~(v < 0.0f), v);
#endif
}

/* ---- the weight ---- */

#define LANES4(F, s, l) F(l, s), F((l) + 1, s), F((l) + 2, s), F((l) + 3, s)
#if defined(__AVX512F__)
#define ALL_LANES(F, s) LANES4(F, s, 0), LANES4(F, s, 4), LANES4(F, s, 8), LANES4(F, s, 12)
#elif defined(__AVX2__)
#define ALL_LANES(F, s) LANES4(F, s, 0), LANES4(F, s, 4)
#else
#define ALL_LANES(F, s) LANES4(F, s, 0)
#endif
#define UPPER(l, s) ((l) & (s) ? CLR_LANES + (l) - (s) : (l))
#define LOWER(l, s) ((l) & (s) ? CLR_LANES + (l) : (l) + (s))

/* One step of a transposition: swaps the off-diagonal s x s blocks of every 2s x 2s block. */
#define SWAP(s)                                                                                     \
    UNROLL for (int i = 0; i < CLR_LANES; i++) if (!(i & (s))) {                                    \
        clr_vec upper = row[i], lower = row[i + (s)];                                               \
        row[i] = __builtin_shuffle(upper, lower, (clr_vec_i){ALL_LANES(UPPER, s)});                 \
        row[i + (s)] = __builtin_shuffle(upper, lower, (clr_vec_i){ALL_LANES(LOWER, s)});           \
    }

/* to[i][j] = from[j][i] for a square of CLR_LANES. */
static void transpose(const float *from, size_t from_step, float *to, size_t to_step)
{
    clr_vec row[CLR_LANES];
    UNROLL for (int i = 0; i < CLR_LANES; i++) row[i] = clr_load(from + (size_t)i * from_step);
    SWAP(1)
    SWAP(2)
#if defined(__AVX2__)
    SWAP(4)
#endif
#if defined(__AVX512F__)
    SWAP(8)
#endif
    UNROLL for (int i = 0; i < CLR_LANES; i++) clr_store_vec(to + (size_t)i * to_step, row[i]);
}

/* G g G^T for one vector of outputs, where tap (r, s) is at g + (3 r + s) * tap. */
INLINE void weight_vector(const float *g, size_t tap, float *u, size_t u_plane)
{
    clr_vec half[A][3];
    UNROLL for (int s = 0; s < 3; s++) {
        clr_vec in[3], out[A];
        UNROLL for (int r = 0; r < 3; r++) in[r] = clr_load(g + (size_t)(3 * r + s) * tap);
        transform_weight(in, out);
        UNROLL for (int r = 0; r < A; r++) half[r][s] = out[r];
    }
    UNROLL for (int i = 0; i < A; i++) {
        clr_vec out[A];
        transform_weight(half[i], out);
        UNROLL for (int j = 0; j < A; j++) clr_store_vec(u + (size_t)(i * A + j) * u_plane, out[j]);
    }
}

static void weight(const float *weight, int C, int K, bool turned, int c, int inputs, int k, int width, float *u,
                   size_t u_plane)
{
    float block[9 * PANEL * CHUNK] __attribute__((aligned(64)));
    for (int in = 0; in < inputs; in += PANEL) {
        const float *g = weight + (size_t)(c + in) * K + k;
        size_t tap = (size_t)C * K, step = (size_t)K;
        if (turned) {
            for (int t = 0; t < 9; t++)
                for (int a = 0; a < PANEL; a += CLR_LANES)
                    for (int b = 0; b < width; b += CLR_LANES) {
                        const float *from = weight + (size_t)(8 - t) * C * K + (size_t)(k + b) * K + c + in + a;
                        for (int l = 0; l < CLR_LANES; l++) __builtin_prefetch(from + (size_t)l * K + PANEL);
                        transpose(from, (size_t)K, block + (t * PANEL + a) * CHUNK + b, CHUNK);
                    }
            g = block, tap = PANEL * CHUNK, step = CHUNK;
        }
        for (int a = 0; a < PANEL; a++)
            for (int b = 0; b < width; b += CLR_LANES) {
                if (!turned)
                    UNROLL for (int t = 0; t < 9; t++) __builtin_prefetch(g + (size_t)t * tap + (size_t)(a + AHEAD) * step + b);
                weight_vector(g + a * step + b, tap, u + (size_t)(in + a) * width + b, u_plane);
            }
    }
}

static void weight_gradient(const float *z, int copies, size_t stride, size_t z_plane, int C, int K, int c, int inputs, int k,
                            int width, bool add, float *dw)
{
    for (int in = 0; in < inputs; in++)
        for (int b = 0; b < width; b += CLR_LANES) {
            clr_vec half[3][A];
            UNROLL for (int t = 0; t < 9; t++) __builtin_prefetch(dw + ((size_t)t * C + c + in + AHEAD) * K + k + b, 1);
            UNROLL for (int j = 0; j < A; j++) {
                clr_vec column[A], out[3];
                UNROLL for (int i = 0; i < A; i++) {
                    const float *at = z + (size_t)(i * A + j) * z_plane + (size_t)in * width + b;
                    column[i] = clr_load(at);
                    for (int copy = 1; copy < copies; copy++) column[i] += clr_load(at + (size_t)copy * stride);
                }
                collect_weight(column, out);
                UNROLL for (int r = 0; r < 3; r++) half[r][j] = out[r];
            }
            UNROLL for (int r = 0; r < 3; r++) {
                clr_vec out[3];
                collect_weight(half[r], out);
                UNROLL for (int s = 0; s < 3; s++) {
                    float *to = dw + ((size_t)(3 * r + s) * C + c + in) * K + k + b;
                    clr_store_vec(to, add ? clr_load(to) + out[s] : out[s]);
                }
            }
        }
}

/* ---- the input ---- */

typedef enum lens_kind { PLAIN, AFFINE, RELU } lens_kind;

INLINE clr_vec see(lens_kind kind, const float *at, clr_vec scale, clr_vec shift)
{
    clr_vec v = clr_load(at);
    if (kind != PLAIN) v = v * scale + shift;
    return kind == RELU ? relu(v) : v;
}

/* B^T along the columns, for `pixels` neighbouring pixels; of the A rows of pixels, `line` floats apart, [top, bottom) exist. */
INLINE void vertical(lens_kind kind, int top, int bottom, const float *x, ptrdiff_t line, int pixels, int channels, clr_lens lens,
                     float *to, size_t to_row)
{
    for (int pixel = 0; pixel < pixels; pixel++)
        for (int c = 0; c < channels; c += CLR_LANES) {
            const float *at = x + (size_t)pixel * channels + c;
            clr_vec scale = {0}, shift = {0}, in[A], out[A];
            if (kind != PLAIN) scale = clr_load(lens.scale + c), shift = clr_load(lens.shift + c);
            UNROLL for (int i = 0; i < A; i++)
                in[i] = i >= top && i < bottom ? see(kind, at + i * line, scale, shift) : (clr_vec){0};
            transform_input(in, out);
            UNROLL for (int i = 0; i < A; i++) clr_store_vec(to + (size_t)i * to_row + (size_t)pixel * channels + c, out[i]);
        }
}

#define VERTICAL(kind, top, bottom) vertical(kind, top, bottom, x, line, pixels, channels, lens, to, to_row)
#define VERTICAL_OF(kind)                                                                          \
    static void vertical_##kind(int top, int bottom, const float *x, ptrdiff_t line, int pixels, int channels, clr_lens lens, \
                                float *to, size_t to_row) {                                        \
        if (top == 0 && bottom == A) VERTICAL(kind, 0, A);                                         \
        else if (top == 1 && bottom == A) VERTICAL(kind, 1, A);                                    \
        else if (top == 0 && bottom == A - 1) VERTICAL(kind, 0, A - 1);                            \
        else if (top == 1 && bottom == A - 1) VERTICAL(kind, 1, A - 1);                            \
        else VERTICAL(kind, top, bottom);                                                          \
    }
VERTICAL_OF(PLAIN)
VERTICAL_OF(AFFINE)
VERTICAL_OF(RELU)

/* B^T along the rows: from the staged pixels of one row of tiles to the planes. */
static void horizontal(const float *staging, size_t row, int channels, int tiles, float *v, size_t plane, size_t panel)
{
    for (int tile = 0; tile < tiles; tile++)
        for (int i = 0; i < A; i++) {
            const float *from = staging + (size_t)i * row + (size_t)(tile * TILE) * channels;
            float *to = v + (size_t)(i * A) * plane + (size_t)tile * PANEL;
            for (int c = 0; c < channels; c += PANEL, to += panel)
                UNROLL for (int l = 0; l < PANEL; l += CLR_LANES) {
                    clr_vec in[A], out[A];
                    UNROLL for (int j = 0; j < A; j++) in[j] = clr_load(from + (size_t)j * channels + c + l);
                    transform_input(in, out);
                    UNROLL for (int j = 0; j < A; j++) clr_store_vec(to + (size_t)j * plane + l, out[j]);
                }
        }
}

static void input(const clr_winograd_grid *grid, const float *x, int channels, clr_lens lens, clr_winograd_span span, float *v,
                  float *staging)
{
    size_t panel = (size_t)span.slots * PANEL, plane = clr_winograd_plane(span.slots, channels);
    v += (size_t)span.slot * PANEL;
    for (int done = 0; done < span.count;) {
        int64_t tile = span.first + done, tile_row = tile / grid->tile_columns;
        int left = (int)(tile % grid->tile_columns);
        int tiles = (int)clr_min64(grid->tile_columns - left, span.count - done);
        int y0 = (int)(tile_row % grid->tile_rows) * TILE - 1, x0 = left * TILE - 1;
        int columns = tiles * TILE + 2, from = x0 < 0, to = (int)clr_min64(columns, grid->w - x0);
        int top = y0 < 0, bottom = (int)clr_min64(A, grid->h - y0);
        ptrdiff_t line = (ptrdiff_t)grid->w * channels;
        const float *image = x + tile_row / grid->tile_rows * grid->h * line;
        /* The pixel of row y0 may lie before the image: the first row that exists stands for it. */
        const float *at = image + (ptrdiff_t)(y0 + top) * line + (ptrdiff_t)(x0 + from) * channels;
        size_t row = (size_t)columns * channels + PANEL;
        (lens.scale == NULL ? vertical_PLAIN : lens.relu ? vertical_RELU : vertical_AFFINE)(
            top, bottom, at - top * line, line, to - from, channels, lens, staging + (size_t)from * channels, row);
        for (int i = 0; i < A; i++) {
            memset(staging + (size_t)i * row, 0, sizeof(float) * (size_t)(from * channels));
            memset(staging + (size_t)i * row + (size_t)(to * channels), 0, sizeof(float) * (size_t)((columns - to) * channels));
        }
        horizontal(staging, row, channels, tiles, v + (size_t)done * PANEL, plane, panel);
        done += tiles;
    }
}

/* ---- products ---- */

/* `rows` slots from v on and `vecs` vectors of outputs: the sums stay in registers. */
INLINE void multiply_registers(int rows, int vecs, const float *v, size_t panel, int inputs, const float *u, int width, float *m)
{
    clr_vec sum[8][4];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int b = 0; b < vecs; b++) sum[r][b] = (clr_vec){0};
    for (int c = 0; c < inputs; c += PANEL, v += panel) {
        UNROLL for (int r = 0; r < rows; r++) __builtin_prefetch(v + (rows + r) * PANEL);
        for (int l = 0; l < PANEL; l++, u += width) {
            clr_vec right[4];
            UNROLL for (int b = 0; b < vecs; b++) right[b] = clr_load(u + b * CLR_LANES);
            UNROLL for (int r = 0; r < rows; r++) {
                clr_vec left = clr_broadcast(v[r * PANEL + l]);
                UNROLL for (int b = 0; b < vecs; b++) sum[r][b] += left * right[b];
            }
        }
    }
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int b = 0; b < vecs; b++) clr_store_vec(m + r * width + b * CLR_LANES, sum[r][b]);
}

/* `rows` inputs from v on; v and m advance by a slot. */
INLINE void gradient_registers(int rows, int vecs, const float *v, int count, const float *m, int width, bool add, float *z)
{
    clr_vec sum[8][4];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int b = 0; b < vecs; b++) sum[r][b] = (clr_vec){0};
    for (int slot = 0; slot < count; slot++, v += PANEL, m += width) {
        clr_vec right[4];
        UNROLL for (int b = 0; b < vecs; b++) right[b] = clr_load(m + b * CLR_LANES);
        UNROLL for (int r = 0; r < rows; r++) {
            clr_vec left = clr_broadcast(v[r]);
            UNROLL for (int b = 0; b < vecs; b++) sum[r][b] += left * right[b];
        }
    }
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int b = 0; b < vecs; b++) {
        float *to = z + r * width + b * CLR_LANES;
        clr_store_vec(to, add ? clr_load(to) + sum[r][b] : sum[r][b]);
    }
}

/* The register blocks: with 512-bit vectors a whole chunk by four rows; else two vectors by four rows. */
static void multiply(const float *v, int slots, int count, int inputs, const float *u, int width, float *m)
{
    size_t panel = (size_t)slots * PANEL;
    for (int row = 0; row < count; row += 4) {
        const float *left = v + row * PANEL;
        float *to = m + (size_t)row * width;
#if defined(__AVX512F__)
        bool eight = row + 4 < count;
        switch (width / CLR_LANES) {
        case 4: multiply_registers(4, 4, left, panel, inputs, u, width, to); break;
        case 3: multiply_registers(4, 3, left, panel, inputs, u, width, to); break;
        case 2:
            if (eight) multiply_registers(8, 2, left, panel, inputs, u, width, to), row += 4;
            else multiply_registers(4, 2, left, panel, inputs, u, width, to);
            break;
        default:
            if (eight) multiply_registers(8, 1, left, panel, inputs, u, width, to), row += 4;
            else multiply_registers(4, 1, left, panel, inputs, u, width, to);
        }
#else
        for (int b = 0; b < width; b += 2 * CLR_LANES) multiply_registers(4, 2, left, panel, inputs, u + b, width, to + b);
#endif
    }
}

static void multiply_gradient(const float *v, int slots, int count, int inputs, const float *m, int width, bool add, float *z)
{
    for (int c = 0; c < inputs; c += PANEL, v += (size_t)slots * PANEL)
        for (int r = 0; r < PANEL;) {
            float *to = z + (size_t)(c + r) * width;
#if defined(__AVX512F__)
            switch (width / CLR_LANES) {
            case 4: gradient_registers(4, 4, v + r, count, m, width, add, to), r += 4; break;
            case 3: gradient_registers(4, 3, v + r, count, m, width, add, to), r += 4; break;
            case 2: gradient_registers(8, 2, v + r, count, m, width, add, to), r += 8; break;
            default: gradient_registers(8, 1, v + r, count, m, width, add, to), r += 8;
            }
#else
            for (int b = 0; b < width; b += 2 * CLR_LANES) gradient_registers(4, 2, v + r, count, m + b, width, add, to + b);
            r += 4;
#endif
        }
}

/* ---- the output ---- */

typedef struct channel_sums {
    float pivot[CHUNK], first[CHUNK], second[CHUNK];
} channel_sums __attribute__((aligned(64)));

/* One tile, one vector of channels: rows x columns pixels of it exist. */
INLINE void output_vector(clr_winograd_finish finish, int rows, int columns, const float *m, size_t plane,
                          const clr_winograd_output *o, size_t at, size_t line, int k, channel_sums *sums, int lane)
{
    clr_vec half[TILE][A];
    UNROLL for (int j = 0; j < A; j++) {
        clr_vec in[A], out[TILE];
        UNROLL for (int i = 0; i < A; i++) in[i] = clr_load(m + (size_t)(i * A + j) * plane);
        transform_output(in, out);
        UNROLL for (int i = 0; i < TILE; i++) half[i][j] = out[i];
    }
    clr_vec first = {0}, second = {0}, pivot = {0}, scale = {0}, shift = {0}, mean = {0};
    if (finish == CLR_WINOGRAD_MOMENTS) pivot = clr_load(sums->pivot + lane);
    if (finish == CLR_WINOGRAD_SEEN) {
        if (o->lens.scale) scale = clr_load(o->lens.scale + k), shift = clr_load(o->lens.shift + k);
        if (o->moments && o->mean) mean = clr_load(o->mean + k);
    }
    UNROLL for (int i = 0; i < TILE; i++) {
        if (i >= rows) break;
        clr_vec out[TILE];
        transform_output(half[i], out);
        UNROLL for (int j = 0; j < TILE; j++) {
            if (j >= columns) break;
            size_t pixel = at + (size_t)i * line + (size_t)(j * o->channels);
            clr_vec y = out[j];
            if (finish == CLR_WINOGRAD_ADD) {
                clr_store_vec(o->out + pixel, clr_load(o->out + pixel) + y);
                continue;
            }
            if (finish == CLR_WINOGRAD_SEEN) {
                clr_vec x = clr_load(o->x + pixel);
                __builtin_prefetch(o->x + pixel + TILE * o->channels); /* the next tile's */
                if (o->lens.relu) y = only_where(x * scale + shift > 0.0f, y);
                first += y, second += y * (x - mean);
            }
            if (finish == CLR_WINOGRAD_MOMENTS) first += y - pivot, second += (y - pivot) * (y - pivot);
            stream(o->out + pixel, y);
        }
    }
    if (finish == CLR_WINOGRAD_MOMENTS || finish == CLR_WINOGRAD_SEEN) {
        clr_store_vec(sums->first + lane, clr_load(sums->first + lane) + first);
        clr_store_vec(sums->second + lane, clr_load(sums->second + lane) + second);
    }
}

INLINE void output_tiles(clr_winograd_finish finish, const clr_winograd_grid *grid, const clr_winograd_output *o,
                         clr_winograd_span span, const float *m, size_t plane, int k, int width, channel_sums *sums)
{
    size_t line = (size_t)grid->w * o->channels;
    m += (size_t)span.slot * width;
    for (int t = 0; t < span.count; t++, m += width) {
        int64_t tile = span.first + t, tile_row = tile / grid->tile_columns, image = tile_row / grid->tile_rows;
        int y0 = (int)(tile_row % grid->tile_rows) * TILE, x0 = (int)(tile % grid->tile_columns) * TILE;
        int rows = (int)clr_min64(TILE, grid->h - y0), columns = (int)clr_min64(TILE, grid->w - x0);
        size_t at = ((size_t)image * grid->h + y0) * line + (size_t)x0 * o->channels + k;
        for (int b = 0; b < width; b += CLR_LANES) {
            if (rows == TILE && columns == TILE)
                output_vector(finish, TILE, TILE, m + b, plane, o, at + b, line, k + b, sums, b);
            else
                output_vector(finish, rows, columns, m + b, plane, o, at + b, line, k + b, sums, b);
        }
    }
}

/* The first value of the block, by channel. */
static void take_pivot(const float *m, size_t plane, int width, channel_sums *sums)
{
    for (int b = 0; b < width; b += CLR_LANES) {
        clr_vec top[A], out[TILE];
        UNROLL for (int j = 0; j < A; j++) {
            clr_vec in[A];
            UNROLL for (int i = 0; i < A; i++) in[i] = clr_load(m + (size_t)(i * A + j) * plane + b);
            transform_output(in, out);
            top[j] = out[0];
        }
        transform_output(top, out);
        clr_store_vec(sums->pivot + b, out[0]);
    }
}

static int64_t pixels_of(const clr_winograd_grid *grid, clr_winograd_span span)
{
    int64_t pixels = 0;
    for (int64_t tile = span.first; tile < span.first + span.count; tile++) {
        int64_t tile_row = tile / grid->tile_columns;
        pixels += clr_min64(TILE, grid->h - tile_row % grid->tile_rows * TILE) *
                  clr_min64(TILE, grid->w - tile % grid->tile_columns * TILE);
    }
    return pixels;
}

static void output(const clr_winograd_grid *grid, const clr_winograd_output *o, clr_winograd_span span, const float *m, int k,
                   int width)
{
    size_t plane = clr_winograd_plane(span.slots, width);
    channel_sums sums = {{0}, {0}, {0}};
    switch (o->finish) {
    case CLR_WINOGRAD_STORE: output_tiles(CLR_WINOGRAD_STORE, grid, o, span, m, plane, k, width, &sums); return;
    case CLR_WINOGRAD_ADD: output_tiles(CLR_WINOGRAD_ADD, grid, o, span, m, plane, k, width, &sums); return;
    case CLR_WINOGRAD_MOMENTS:
        take_pivot(m + (size_t)span.slot * width, plane, width, &sums);
        output_tiles(CLR_WINOGRAD_MOMENTS, grid, o, span, m, plane, k, width, &sums);
        break;
    case CLR_WINOGRAD_SEEN: output_tiles(CLR_WINOGRAD_SEEN, grid, o, span, m, plane, k, width, &sums); break;
    }
    if (!o->moments) return;
    double count = (double)pixels_of(grid, span);
    for (int b = 0; b < width; b++) {
        double pivot = sums.pivot[b], first = sums.first[b], second = sums.second[b];
        o->moments[k + b] += first + count * pivot;
        o->moments[o->channels + k + b] += second + pivot * (2.0 * first + count * pivot);
    }
}

/* ---- the gradient of the output ---- */

/* A along the columns of one row of tiles, `rows` of whose rows exist. */
INLINE void vertical_gradient(int rows, const float *dy, size_t line, size_t count, float *to, size_t to_row)
{
    for (size_t at = 0; at < count; at += CLR_LANES) {
        clr_vec in[TILE], out[A];
        UNROLL for (int i = 0; i < TILE; i++) in[i] = i < rows ? clr_load(dy + (size_t)i * line + at) : (clr_vec){0};
        transform_gradient(in, out);
        UNROLL for (int i = 0; i < A; i++) clr_store_vec(to + (size_t)i * to_row + at, out[i]);
    }
}

/* A along the rows: from the staged pixels of one row of tiles to a chunk. */
static void horizontal_gradient(const float *staging, size_t row, int channels, int tiles, float *m, size_t plane, int width)
{
    for (int tile = 0; tile < tiles; tile++)
        for (int i = 0; i < A; i++) {
            const float *from = staging + (size_t)i * row + (size_t)(tile * TILE * channels);
            float *to = m + (size_t)(i * A) * plane + (size_t)(tile * width);
            for (int b = 0; b < width; b += CLR_LANES) {
                clr_vec in[TILE], out[A];
                UNROLL for (int j = 0; j < TILE; j++) in[j] = clr_load(from + j * channels + b);
                transform_gradient(in, out);
                UNROLL for (int j = 0; j < A; j++) clr_store_vec(to + (size_t)j * plane + b, out[j]);
            }
        }
}

static void gradient(const clr_winograd_grid *grid, const float *dy, int channels, clr_winograd_span span, float *m, float *staging)
{
    size_t line = (size_t)grid->w * channels;
    for (int done = 0; done < span.count;) {
        int64_t tile = span.first + done, tile_row = tile / grid->tile_columns;
        int left = (int)(tile % grid->tile_columns), y0 = (int)(tile_row % grid->tile_rows) * TILE;
        int tiles = (int)clr_min64(grid->tile_columns - left, span.count - done);
        int rows = (int)clr_min64(TILE, grid->h - y0), columns = tiles * TILE, there = (int)clr_min64(columns, grid->w - left * TILE);
        const float *at = dy + ((size_t)(tile_row / grid->tile_rows) * grid->h + y0) * line + (size_t)(left * TILE * channels);
        size_t row = (size_t)columns * channels + PANEL, count = (size_t)there * channels;
        if (rows == TILE) vertical_gradient(TILE, at, line, count, staging, row);
        else vertical_gradient(rows, at, line, count, staging, row);
        for (int i = 0; i < A; i++)
            memset(staging + (size_t)i * row + count, 0, sizeof(float) * (size_t)((columns - there) * channels));
        for (int k = 0; k < channels; k += CHUNK) {
            int width = (int)clr_min64(CHUNK, channels - k);
            horizontal_gradient(staging + k, row, channels, tiles,
                                m + clr_winograd_chunks(A * A, span.slots, k, CHUNK) + (size_t)(span.slot + done) * width,
                                clr_winograd_plane(span.slots, width), width);
        }
        done += tiles;
    }
}

extern const clr_winograd_kernel KERNEL;
const clr_winograd_kernel KERNEL = {.weight = weight,
                                    .input = input,
                                    .multiply = multiply,
                                    .output = output,
                                    .gradient = gradient,
                                    .multiply_gradient = multiply_gradient,
                                    .weight_gradient = weight_gradient};
