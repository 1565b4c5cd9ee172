/* SPDX-License-Identifier: BSD-3-Clause */
/* Part of winograd_kernel.h: from images to planes and back. Images are read by whole rows of pixels: a row of tiles is
   transformed along the columns into a staging row for each of the a rows of planes, and from there along the rows. */

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

/* Some tiles of one row of tiles: the pixel of their upper left corner, and how much of them the image has. */
typedef struct strip {
    int tiles, y, x, rows, columns;
    int64_t image;
} strip;

/* The strip of tile number `first` and up to `count` - 1 more. */
static strip strip_at(const clr_winograd_grid *grid, int64_t first, int count)
{
    int64_t tile_row = first / grid->tile_columns;
    int left = (int)(first % grid->tile_columns), tiles = (int)clr_min64(grid->tile_columns - left, count);
    int y = (int)(tile_row % grid->tile_rows) * TILE, x = left * TILE;

    return (strip){.tiles = tiles,
                   .y = y,
                   .x = x,
                   .rows = (int)clr_min64(TILE, grid->h - y),
                   .columns = (int)clr_min64(tiles * TILE, grid->w - x),
                   .image = tile_row / grid->tile_rows};
}

/* ---- the input ---- */

typedef enum prologue_kind { PLAIN, AFFINE, RELU } prologue_kind;

/* `pixels` neighbouring pixels of the a rows, `line` elements apart, that B^T takes; [top, bottom) of them exist. */
typedef struct lines {
    const clr_element *x;
    ptrdiff_t corner, line; /* row 0 begins, or would begin, at x + corner */
    int top, bottom, pixels;
    float *to;
    size_t to_line;
} lines;

INLINE void vertical(prologue_kind kind, int top, int bottom, const lines *r, int channels, clr_prologue prologue)
{
    for (int pixel = 0; pixel < r->pixels; pixel++)
        for (int c = 0; c < channels; c += CLR_LANES) {
            ptrdiff_t at = (ptrdiff_t)pixel * channels + c;
            clr_vec scale = {0}, shift = {0}, in[A], out[A];
            if (kind != PLAIN)
                scale = clr_load(prologue.scale + c), shift = clr_load(prologue.shift + c);
            UNROLL_FOR (int i = 0; i < A; i++) {
                in[i] = (clr_vec){0};
                if (i < top || i >= bottom)
                    continue;
                in[i] = clr_load_elements(r->x + (r->corner + i * r->line + at));
                if (kind != PLAIN)
                    in[i] = in[i] * scale + shift;
                if (kind == RELU)
                    in[i] = relu(in[i]);
            }
            transform_input(in, out);
            UNROLL_FOR (int i = 0; i < A; i++)
                clr_store_vec(r->to + (size_t)i * r->to_line + at, out[i]);
        }
}

/* At an image's edge a row is missing; less often, in small images or below partial tiles, more than one. */
#define VERTICAL_OF(kind)                                                            \
    static void vertical_##kind(const lines *r, int channels, clr_prologue prologue) \
    {                                                                                \
        if (r->top == 0 && r->bottom == A)                                           \
            vertical(kind, 0, A, r, channels, prologue);                             \
        else if (r->top == 1 && r->bottom == A)                                      \
            vertical(kind, 1, A, r, channels, prologue);                             \
        else if (r->top == 0 && r->bottom == A - 1)                                  \
            vertical(kind, 0, A - 1, r, channels, prologue);                         \
        else if (r->top == 1 && r->bottom == A - 1)                                  \
            vertical(kind, 1, A - 1, r, channels, prologue);                         \
        else                                                                         \
            vertical(kind, r->top, r->bottom, r, channels, prologue);                \
    }
VERTICAL_OF(PLAIN)
VERTICAL_OF(AFFINE)
VERTICAL_OF(RELU)

static void horizontal(const float *staging, size_t line, int channels, int tiles, float *v, size_t plane, size_t panel)
{
    for (int tile = 0; tile < tiles; tile++)
        for (int i = 0; i < A; i++) {
            const float *from = staging + (size_t)i * line + (size_t)(tile * TILE * channels);
            float *to = v + (size_t)(i * A) * plane + (size_t)(tile * PANEL);
            for (int c = 0; c < channels; c += PANEL, to += panel)
                UNROLL_FOR (int l = 0; l < PANEL; l += CLR_LANES) {
                    clr_vec in[A], out[A];
                    UNROLL_FOR (int j = 0; j < A; j++)
                        in[j] = clr_load(from + j * channels + c + l);
                    transform_input(in, out);
                    UNROLL_FOR (int j = 0; j < A; j++)
                        clr_store_vec(to + (size_t)j * plane + l, out[j]);
                }
        }
}

static void input(const clr_winograd_grid *grid, const clr_winograd_source *source, clr_winograd_span span, float *v,
                  float *staging)
{
    int channels = source->channels;
    ptrdiff_t line = (ptrdiff_t)grid->w * channels;
    size_t plane = clr_winograd_plane(span.slots, channels);

    for (int done = 0; done < span.count;) {
        strip s = strip_at(grid, span.first + done, span.count - done);
        int columns = s.tiles * TILE + 2, left = s.x == 0, right = (int)clr_min64(columns, grid->w - s.x + 1);
        ptrdiff_t corner = (s.image * grid->h + s.y - 1) * line + (ptrdiff_t)(s.x - 1 + left) * channels;
        lines r = {.x = source->x,
                   .corner = corner,
                   .line = line,
                   .top = s.y == 0,
                   .bottom = (int)clr_min64(A, grid->h - s.y + 1),
                   .pixels = right - left,
                   .to = staging + left * channels,
                   .to_line = (size_t)(columns * channels + PANEL)};
        if (source->prologue.scale == NULL)
            vertical_PLAIN(&r, channels, source->prologue);
        else if (source->prologue.relu)
            vertical_RELU(&r, channels, source->prologue);
        else
            vertical_AFFINE(&r, channels, source->prologue);
        for (int i = 0; i < A; i++) {
            float *to = staging + (size_t)i * r.to_line;
            memset(to, 0, sizeof *to * (size_t)(left * channels));
            memset(to + right * channels, 0, sizeof *to * (size_t)((columns - right) * channels));
        }
        horizontal(staging, r.to_line, channels, s.tiles, v + (span.slot + done) * PANEL, plane,
                   (size_t)(span.slots * PANEL));
        done += s.tiles;
    }
}

/* ---- the gradient of the output ---- */

/* A along the columns, of whose m rows [0, rows) exist; `count` elements of each. */
INLINE void vertical_gradient(int rows, const clr_element *dy, size_t line, size_t count, float *to, size_t to_line)
{
    for (size_t at = 0; at < count; at += CLR_LANES) {
        clr_vec in[TILE], out[A];
        UNROLL_FOR (int i = 0; i < TILE; i++)
            in[i] = i < rows ? clr_load_elements(dy + (size_t)i * line + at) : (clr_vec){0};
        transform_gradient(in, out);
        UNROLL_FOR (int i = 0; i < A; i++)
            clr_store_vec(to + (size_t)i * to_line + at, out[i]);
    }
}

static void horizontal_gradient(const float *staging, size_t line, int channels, int tiles, float *m, int slots,
                                int width)
{
    size_t plane = clr_winograd_plane(slots, width);

    for (int tile = 0; tile < tiles; tile++)
        for (int i = 0; i < A; i++) {
            const float *from = staging + (size_t)i * line + (size_t)(tile * TILE * channels);
            float *to = m + (size_t)(i * A) * plane + (size_t)(tile * width);
            for (int b = 0; b < width; b += CLR_LANES) {
                clr_vec in[TILE], out[A];
                UNROLL_FOR (int j = 0; j < TILE; j++)
                    in[j] = clr_load(from + j * channels + b);
                transform_gradient(in, out);
                UNROLL_FOR (int j = 0; j < A; j++)
                    clr_store_vec(to + (size_t)j * plane + b, out[j]);
            }
        }
}

static void gradient(const clr_winograd_grid *grid, const clr_winograd_source *dy, clr_winograd_span span, float *m,
                     float *staging)
{
    int channels = dy->channels;
    size_t line = (size_t)grid->w * (size_t)channels;

    for (int done = 0; done < span.count;) {
        strip s = strip_at(grid, span.first + done, span.count - done);
        const clr_element *at =
            (const clr_element *)dy->x + (size_t)(s.image * grid->h + s.y) * line + (size_t)(s.x * channels);
        size_t there = (size_t)(s.columns * channels), all = (size_t)(s.tiles * TILE * channels), to_line = all + PANEL;
        int64_t row = (s.image * grid->h + s.y) * grid->w + s.x;
        for (int i = 0; i < s.rows && dy->bn_backward.g; i++)
            clr_bn_backward_rows(&dy->bn_backward, row + i * grid->w, row + i * grid->w + s.columns, channels, dy->dy);
        if (s.rows == TILE)
            vertical_gradient(TILE, at, line, there, staging, to_line);
        else
            vertical_gradient(s.rows, at, line, there, staging, to_line);
        for (int i = 0; i < A; i++)
            memset(staging + (size_t)i * to_line + there, 0, sizeof *staging * (all - there));
        for (int k = 0; k < channels; k += CHUNK) {
            int width = (int)clr_min64(CHUNK, channels - k);
            float *to = m + clr_winograd_chunks(A * A, span.slots, k, CHUNK) + (span.slot + done) * width;
            horizontal_gradient(staging + k, to_line, channels, s.tiles, to, span.slots, width);
        }
        done += s.tiles;
    }
}

/* ---- the output ---- */

/* Sums over a block of tiles for each channel: of y - pivot and its square, or of dx and dx (x - mean). */
typedef struct channel_sums {
    float pivot[CHUNK], first[CHUNK], second[CHUNK];
} channel_sums __attribute__((aligned(64)));

/* The first half of the output transform: half = A^T m, column by column. The caller applies A to the rows. */
INLINE void upright(const float *m, size_t plane, clr_vec half[TILE][A])
{
    UNROLL_FOR (int j = 0; j < A; j++) {
        clr_vec in[A], out[TILE];
        UNROLL_FOR (int i = 0; i < A; i++)
            in[i] = clr_load(m + (size_t)(i * A + j) * plane);
        transform_output(in, out);
        UNROLL_FOR (int i = 0; i < TILE; i++)
            half[i][j] = out[i];
    }
}

/* One tile's rows x columns pixels that exist, a panel of channels, so that whole lines are written: of out, x and
   about from `at` on; of all else, k. */
INLINE void output_panel(clr_winograd_finish finish, int rows, int columns, const clr_winograd_output *o, size_t line,
                         const float *m, size_t plane, size_t at, int k, channel_sums *sums, int lane)
{
    clr_vec half[VECTORS][TILE][A], first[VECTORS] = {{0}}, second[VECTORS] = {{0}};
    const clr_element *all_x = o->x, *all_bn_input = o->bn_input;
    clr_element *all = o->out;

    UNROLL_FOR (int v = 0; v < VECTORS; v++)
        upright(m + v * CLR_LANES, plane, half[v]);
    UNROLL_FOR (int i = 0; i < TILE; i++) {
        clr_vec out[VECTORS][TILE];
        if (i >= rows)
            break;
        UNROLL_FOR (int v = 0; v < VECTORS; v++)
            transform_output(half[v][i], out[v]);
        UNROLL_FOR (int j = 0; j < TILE; j++) {
            if (j >= columns)
                break;
            UNROLL_FOR (int v = 0; v < VECTORS; v++) {
                size_t pixel = at + (size_t)i * line + (size_t)(j * o->channels + v * CLR_LANES);
                clr_vec y = out[v][j];
                if (finish == CLR_WINOGRAD_ADD || finish == CLR_WINOGRAD_ADD_RELU_BACKWARD)
                    y += clr_load_elements(all + pixel);
                y = clr_rounded(y);
                if (finish == CLR_WINOGRAD_RELU_BACKWARD || finish == CLR_WINOGRAD_ADD_RELU_BACKWARD) {
                    clr_vec x = clr_load_elements(all_x + pixel), bn_input = clr_load_elements(all_bn_input + pixel);
                    __builtin_prefetch(all_x + pixel + TILE * o->channels); /* the next tile's */
                    if (finish == CLR_WINOGRAD_ADD_RELU_BACKWARD) {
                        __builtin_prefetch(all_bn_input + pixel + TILE * o->channels);
                        __builtin_prefetch(all + pixel + TILE * o->channels, 1);
                    }
                    if (o->prologue.scale)
                        x = x * clr_load(o->prologue.scale + k + v * CLR_LANES) +
                            clr_load(o->prologue.shift + k + v * CLR_LANES);
                    if (o->prologue.relu)
                        y = only_where(x > 0.0f, y);
                    first[v] += y,
                        second[v] += y * (o->mean ? bn_input - clr_load(o->mean + k + v * CLR_LANES) : bn_input);
                }
                if (finish == CLR_WINOGRAD_MOMENTS) {
                    clr_vec d = y - clr_load(sums->pivot + lane + v * CLR_LANES);
                    first[v] += d, second[v] += d * d;
                }
                if (finish == CLR_WINOGRAD_ADD || finish == CLR_WINOGRAD_ADD_RELU_BACKWARD)
                    clr_store_elements(all + pixel, y);
                else
                    clr_stream_elements(all + pixel, y);
            }
        }
    }
    if (finish == CLR_WINOGRAD_MOMENTS || finish == CLR_WINOGRAD_RELU_BACKWARD ||
        finish == CLR_WINOGRAD_ADD_RELU_BACKWARD)
        UNROLL_FOR (int v = 0; v < VECTORS; v++) {
            float *one = sums->first + lane + v * CLR_LANES, *two = sums->second + lane + v * CLR_LANES;
            clr_store_vec(one, clr_load(one) + first[v]);
            clr_store_vec(two, clr_load(two) + second[v]);
        }
}

/* Returns how many pixels there were. */
INLINE int64_t output_tiles(clr_winograd_finish finish, const clr_winograd_grid *grid, const clr_winograd_output *o,
                            clr_winograd_span span, const float *m, int k, int width, channel_sums *sums)
{
    size_t line = (size_t)grid->w * (size_t)o->channels, plane = clr_winograd_plane(span.slots, width);
    int64_t pixels = 0;

    for (int t = 0; t < span.count; t++, m += width) {
        strip s = strip_at(grid, span.first + t, 1);
        size_t at = (size_t)(s.image * grid->h + s.y) * line + (size_t)(s.x * o->channels + k);
        for (int b = 0; b < width; b += PANEL) {
            if (s.rows == TILE && s.columns == TILE)
                output_panel(finish, TILE, TILE, o, line, m + b, plane, at + (size_t)b, k + b, sums, b);
            else
                output_panel(finish, s.rows, s.columns, o, line, m + b, plane, at + (size_t)b, k + b, sums, b);
        }
        pixels += s.rows * s.columns;
    }
    return pixels;
}

/* The pivot is the first pixel of the block. */
static void take_pivot(const float *m, int slots, int width, channel_sums *sums)
{
    for (int b = 0; b < width; b += CLR_LANES) {
        clr_vec half[TILE][A], out[TILE];
        upright(m + b, clr_winograd_plane(slots, width), half);
        transform_output(half[0], out);
        clr_store_vec(sums->pivot + b, clr_rounded(out[0]));
    }
}

#define OUTPUT_TILES(finish) output_tiles(finish, grid, o, span, m, k, width, &sums)

static void output(const clr_winograd_grid *grid, const clr_winograd_output *o, clr_winograd_span span, const float *m,
                   int k, int width)
{
    channel_sums sums = {{0}, {0}, {0}};
    int64_t pixels = 0;

    m += span.slot * width;
    switch (o->finish) {
    case CLR_WINOGRAD_STORE: OUTPUT_TILES(CLR_WINOGRAD_STORE); return;
    case CLR_WINOGRAD_ADD: OUTPUT_TILES(CLR_WINOGRAD_ADD); return;
    case CLR_WINOGRAD_RELU_BACKWARD: pixels = OUTPUT_TILES(CLR_WINOGRAD_RELU_BACKWARD); break;
    case CLR_WINOGRAD_ADD_RELU_BACKWARD: pixels = OUTPUT_TILES(CLR_WINOGRAD_ADD_RELU_BACKWARD); break;
    case CLR_WINOGRAD_MOMENTS: take_pivot(m, span.slots, width, &sums); pixels = OUTPUT_TILES(CLR_WINOGRAD_MOMENTS);
    }
    if (o->moments == NULL)
        return;
    for (int b = 0; b < width; b++) {
        double n = (double)pixels, pivot = sums.pivot[b], first = sums.first[b], second = sums.second[b];
        o->moments[k + b] += first + n * pivot;
        o->moments[o->channels + k + b] += second + pivot * (2 * first + n * pivot);
    }
}
