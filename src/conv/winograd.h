#ifndef CLR_CONV_WINOGRAD_H
#define CLR_CONV_WINOGRAD_H
/* The kernels of the Winograd solvers, one table for each tile size and instruction set; winograd.c drives them.

   A tile is an m x m square of the output; it needs a = m + 2 rows and columns of the input. Tiles are numbered (image, tile
   row, tile column). One transformed value in every tile is a plane: there are a * a of them. Channels come in chunks of up to
   CLR_WINOGRAD_CHUNK and in panels of CLR_WINOGRAD_PANEL; every count of channels is a multiple of the panel.

     transformed input      V  (plane, panel of inputs, slot, 16)     slot: a tile's place in its block
     transformed weight     U  (chunk of outputs, plane, input, width of the chunk)
     transformed output     M  (chunk of outputs, plane, slot, width of the chunk)

   All functions are local. */

#include "clr/conv.h"

enum { CLR_WINOGRAD_CHUNK = 64, CLR_WINOGRAD_PANEL = 16 };

/* Floats from one plane to the next, each of rows x width: one line of cache more than it holds. Without it a tile's values, one
   from every plane, would all fall into the same few lines. */
static inline size_t clr_winograd_plane(int rows, int width)
{
    return (size_t)rows * (size_t)width + CLR_WINOGRAD_PANEL;
}

/* Floats that the chunks of channels [0, k) take together: where the next begins. */
static inline size_t clr_winograd_chunks(int area, int rows, int k, int chunk)
{
    int whole = k / chunk, rest = k % chunk;
    return (size_t)area * ((size_t)whole * clr_winograd_plane(rows, chunk) + (rest ? clr_winograd_plane(rows, rest) : 0));
}

/* Images of h x w pixels, cut into tiles. */
typedef struct clr_winograd_grid {
    int h, w, tile_rows, tile_columns;
} clr_winograd_grid;

/* Tiles first, first + 1, ..., and where they go in a block. */
typedef struct clr_winograd_span {
    int64_t first;
    int count, slot, slots;
} clr_winograd_span;

/* What becomes of the output: stored; added to what is there; or stored with its moments. */
typedef enum clr_winograd_finish { CLR_WINOGRAD_STORE, CLR_WINOGRAD_ADD, CLR_WINOGRAD_MOMENTS, CLR_WINOGRAD_SEEN } clr_winograd_finish;

typedef struct clr_winograd_output {
    clr_winograd_finish finish;
    float *out;        /* (N, h, w, channels) */
    int channels;
    const float *x;    /* CLR_WINOGRAD_SEEN: the shape of out, with its lens and mean */
    clr_lens lens;
    const float *mean;
    double *moments;   /* 2 * channels, added to; NULL: none (CLR_WINOGRAD_SEEN only) */
} clr_winograd_output;

typedef struct clr_winograd_kernel {
    /* U for channels [c, c + inputs) coming in and [k, k + width) going out: u[plane * u_plane + (input - c) * width + output - k].
       weight is (3, 3, C, K). turned: it is the weight of the gradient of x, that is channels come in by K and go out by C, and
       the taps are turned by 180 degrees. */
    void (*weight)(const float *weight, int C, int K, bool turned, int c, int inputs, int k, int width, float *u, size_t u_plane);
    /* V of the tiles of span, from x (N, h, w, channels) as the lens shows it. staging: a * (tiles of one row in the span * m + 3)
       * channels floats. */
    void (*input)(const clr_winograd_grid *grid, const float *x, int channels, clr_lens lens, clr_winograd_span span, float *v,
                  float *staging);
    /* One plane: m[slot][width] = sum over inputs of v * u, for slots [0, count); count is rounded up to four. */
    void (*multiply)(const float *v, int slots, int count, int inputs, const float *u, int width, float *m);
    /* The output of the tiles of span from one chunk of M: channels [k, k + width). */
    void (*output)(const clr_winograd_grid *grid, const clr_winograd_output *output, clr_winograd_span span, const float *m, int k,
                   int width);
    /* M's like of the gradient dy (N, h, w, channels) of the output, all its chunks. */
    void (*gradient)(const clr_winograd_grid *grid, const float *dy, int channels, clr_winograd_span span, float *m,
                     float *staging);
    /* One plane: z[input][width] = (add ? z : 0) + sum over slots [0, count) of v * m, for `inputs` channels from v's panel on. */
    void (*multiply_gradient)(const float *v, int slots, int count, int inputs, const float *m, int width, bool add, float *z);
    /* Channels [c, c + inputs) x [k, k + width) of dw (3, 3, C, K), overwritten or added to, from the sum of `copies` blocks
       z[plane * z_plane + (input - c) * width + output - k], `stride` floats apart. */
    void (*weight_gradient)(const float *z, int copies, size_t stride, size_t z_plane, int C, int K, int c, int inputs, int k,
                            int width, bool add, float *dw);
} clr_winograd_kernel;

#endif
