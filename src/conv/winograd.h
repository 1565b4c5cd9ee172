/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CONV_WINOGRAD_H
#define CLR_CONV_WINOGRAD_H
/* The kernels of the Winograd solvers, one table for each tile size, instruction set and storage type; winograd.c
   drives them. Transformed values are fp32, whatever the storage type: only a stored output
   is rounded.

   A tile is an m x m square of the output; it needs a = m + 2 rows and columns of the input. Tiles are numbered (image,
   tile row, tile column). A plane is one transformed value of every tile: there are a * a. Channels come in chunks of
   up to CLR_WINOGRAD_CHUNK and in panels of CLR_WINOGRAD_PANEL; every count of channels is a multiple of the panel.

     transformed input      V  (plane, panel of inputs, slot, 16)              slot: a tile's place in its block
     transformed weight     U  (chunk of outputs, plane, input, width of the chunk)    and Z, the gradient of U
     transformed output     M  (chunk of outputs, plane, slot, width of the chunk)     or its gradient

   All functions are local. */

#include "clr/conv.h"

enum { CLR_WINOGRAD_CHUNK = 64, CLR_WINOGRAD_PANEL = 16 };

/* Floats from one plane to the next, each of rows x width: one line of cache more than it holds. Without it a tile's
   values, one from every plane, would all fall into the same few lines. */
static inline size_t clr_winograd_plane(int rows, int width)
{
    return (size_t)rows * (size_t)width + CLR_WINOGRAD_PANEL;
}

/* Floats that the chunks of channels [0, k) take together: where the next begins. */
static inline size_t clr_winograd_chunks(int area, int rows, int k, int chunk)
{
    size_t whole = (size_t)(k / chunk) * clr_winograd_plane(rows, chunk);

    return (size_t)area * (whole + (k % chunk ? clr_winograd_plane(rows, k % chunk) : 0));
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

/* Floats of staging for a row of `tiles` tiles. */
static inline size_t clr_winograd_staging(int tile, int tiles, int channels)
{
    return (size_t)(tile + 2) * ((size_t)(tiles * tile + 2) * (size_t)channels + CLR_WINOGRAD_PANEL);
}

/* x (N, h, w, channels) with its prologue; or a gradient, which is first computed where bn_backward is given. */
typedef struct clr_winograd_source {
    const clr_stored *x;
    int channels;
    clr_prologue prologue;
    clr_conv_bn_backward bn_backward;
    clr_stored *dy; /* with bn_backward: the same pointer as x */
} clr_winograd_source;

/* How the output is stored: overwritten, added to what is there, or stored (ADD_RELU_BACKWARD: added) with ReLU's
   backward and its moments (see clr/conv.h). */
typedef enum clr_winograd_finish {
    CLR_WINOGRAD_STORE,
    CLR_WINOGRAD_ADD,
    CLR_WINOGRAD_MOMENTS,
    CLR_WINOGRAD_RELU_BACKWARD,
    CLR_WINOGRAD_ADD_RELU_BACKWARD
} clr_winograd_finish;

typedef struct clr_winograd_output {
    clr_winograd_finish finish;
    clr_stored *out; /* (N, h, w, channels) */
    int channels;
    const clr_stored *x, *bn_input; /* with RELU_BACKWARD and ADD_RELU_BACKWARD: of out's shape */
    clr_prologue prologue;
    const float *mean;
    double *moments; /* 2 * channels, added to; may be NULL with these two */
} clr_winograd_output;

/* Channels [c, c + inputs) coming in and [k, k + width) going out, of a weight (3, 3, C, K). rotated: of the weight by
   which dx comes from dy: channels come in by K and go out by C, and the taps are rotated by 180 degrees. */
typedef struct clr_winograd_filter {
    int C, K;
    bool rotated;
    int c, inputs, k, width;
} clr_winograd_filter;

/* Slots [0, count) of a plane of `slots`; the product is added to what is there, or overwrites it. */
typedef struct clr_winograd_product {
    int slots, count, inputs, width;
    bool add;
} clr_winograd_product;

typedef struct clr_winograd_kernel {
    int lanes; /* of a vector */

    /* U of the filter: u[plane * u_plane + (input - c) * width + output - k]. */
    void (*weight)(const clr_winograd_filter *filter, const float *weight, float *u, size_t u_plane);

    /* The gradient of a filter that is not rotated, from Z in the form of U: dw (3, 3, C, K) is overwritten or added to
       there. */
    void (*weight_gradient)(const clr_winograd_filter *filter, const float *z, size_t z_plane, bool add, float *dw);

    /* V of the tiles of span. */
    void (*input)(const clr_winograd_grid *grid, const clr_winograd_source *source, clr_winograd_span span, float *v,
                  float *staging);

    /* All chunks of M for the tiles of span of the output's gradient (no prologue). */
    void (*gradient)(const clr_winograd_grid *grid, const clr_winograd_source *dy, clr_winograd_span span, float *m,
                     float *staging);

    /* The output of the tiles of span in channels [k, k + width), from m, their chunk. */
    void (*output)(const clr_winograd_grid *grid, const clr_winograd_output *output, clr_winograd_span span,
                   const float *m, int k, int width);

    /* One plane: m[slot][width] = sum over inputs of v * u; count is rounded up to four. */
    void (*multiply)(const clr_winograd_product *product, const float *v, const float *u, float *m);

    /* One plane: z[input][width] = sum over slots of v * m. */
    void (*multiply_gradient)(const clr_winograd_product *product, const float *v, const float *m, float *z);
} clr_winograd_kernel;

#endif
