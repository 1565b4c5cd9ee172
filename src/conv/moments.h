/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_MOMENTS_H
#define CLR_MOMENTS_H
/* Sums for batch norm, gathered while rows are in cache. Inside a chunk of rows sums are fp32 relative to a pivot
   (the chunk's first row, or a given mean), so that no near-equal large numbers are subtracted; totals are double:

     d = y - pivot,   sum y = n pivot + sum d,   sum y^2 = n pivot^2 + 2 pivot sum d + sum d^2.

   Sums are of what is stored: with bf16, of rounded values. Included by kernel files, so that it is compiled for each
   instruction set and storage type. Local. */

#include "clr/conv.h"
#include "clr/stored.h"

#include <stdint.h>

enum { CLR_MOMENT_ROWS = 64, CLR_MOMENT_VECTORS = 4, CLR_MOMENT_LANES = CLR_MOMENT_VECTORS * CLR_LANES };

/* Lanes of vector v of so many. */
INLINE int clr_moment_lanes(int lanes, int v)
{
    return lanes < v * CLR_LANES ? 0 : lanes < (v + 1) * CLR_LANES ? lanes - v * CLR_LANES : CLR_LANES;
}

/* Sums over a chunk of rows of `lanes` channels: of d = y - pivot and its square, or of d and d times another. */
typedef struct clr_moment_sums {
    clr_vec pivot[CLR_MOMENT_VECTORS], first[CLR_MOMENT_VECTORS], second[CLR_MOMENT_VECTORS];
} clr_moment_sums;

/* A chunk of rows, of at most CLR_MOMENT_LANES channels. */
INLINE void clr_moments_chunk(const clr_element *y, int64_t rows, int64_t ld, int lanes, clr_moment_sums *s)
{
    UNROLL_FOR (int v = 0; v < CLR_MOMENT_VECTORS; v++) /* no lanes: nothing is read */
        s->pivot[v] = clr_load_some(y + v * CLR_LANES, clr_moment_lanes(lanes, v));
    for (int64_t row = 0; row < rows; row++, y += ld)
        UNROLL_FOR (int v = 0; v < CLR_MOMENT_VECTORS; v++) {
            clr_vec d = clr_load_some(y + v * CLR_LANES, clr_moment_lanes(lanes, v)) - s->pivot[v];
            s->first[v] += d;
            s->second[v] += d * d;
        }
}

/* Adds the moments of n rows (n, k), `ld` elements apart, to sums: sum y in sums[0..k), sum y^2 in sums[width..width +
   k). */
static inline void clr_moments_rows(const clr_element *y, int64_t n, int64_t ld, int k, double *sums, int64_t width)
{
    for (int64_t from = 0; from < n; from += CLR_MOMENT_ROWS) {
        int64_t rows = n - from < CLR_MOMENT_ROWS ? n - from : CLR_MOMENT_ROWS;
        for (int k0 = 0; k0 < k; k0 += CLR_MOMENT_LANES) {
            int lanes = k - k0 < CLR_MOMENT_LANES ? k - k0 : CLR_MOMENT_LANES;
            const clr_element *at = y + from * ld + k0;
            clr_moment_sums s = {.first = {{0}}};
            if (lanes == CLR_MOMENT_LANES)
                clr_moments_chunk(at, rows, ld, CLR_MOMENT_LANES, &s);
            else
                clr_moments_chunk(at, rows, ld, lanes, &s);
            for (int i = 0; i < lanes; i++) {
                float pivot = s.pivot[i / CLR_LANES][i % CLR_LANES], one = s.first[i / CLR_LANES][i % CLR_LANES];
                double p = pivot, n_rows = (double)rows;
                sums[k0 + i] += n_rows * p + one;
                sums[width + k0 + i] += n_rows * p * p + 2 * p * one + s.second[i / CLR_LANES][i % CLR_LANES];
            }
        }
    }
}

/* The same of ReLU's backward. */
INLINE void clr_relu_backward_chunk(clr_element *dx, const clr_element *x, const clr_element *bn_input, int64_t rows,
                                    int c, int lanes, const clr_prologue *prologue, const float *mean,
                                    clr_moment_sums *s)
{
    clr_vec scale[CLR_MOMENT_VECTORS], shift[CLR_MOMENT_VECTORS];

    UNROLL_FOR (int v = 0; v < CLR_MOMENT_VECTORS; v++) {
        int part = clr_moment_lanes(lanes, v), at = v * CLR_LANES;
        scale[v] = part && prologue->scale ? clr_load_floats(prologue->scale + at, part) : clr_broadcast(1);
        shift[v] = part && prologue->scale ? clr_load_floats(prologue->shift + at, part) : clr_broadcast(0);
        s->pivot[v] = part && mean ? clr_load_floats(mean + at, part) : clr_broadcast(0);
    }
    for (int64_t row = 0; row < rows; row++, dx += c, x += c, bn_input += c)
        UNROLL_FOR (int v = 0; v < CLR_MOMENT_VECTORS; v++) {
            int part = clr_moment_lanes(lanes, v), at = v * CLR_LANES;
            if (part == 0)
                break;
            clr_vec d = clr_load_some(dx + at, part), other = clr_load_some(bn_input + at, part);
            if (prologue->relu) {
                clr_vec in = clr_load_some(x + at, part);
                d = (clr_vec)((clr_vec_i)d & (scale[v] * in + shift[v] > 0.0f));
                clr_store_some(dx + at, d, part);
            }
            s->first[v] += d;
            s->second[v] += d * (other - s->pivot[v]);
        }
}

/* dx (n, c) is masked in place where relu(scale x + shift) is flat (without scale: relu(x); without ReLU x is not
   read). Then sum dx and sum dx (bn_input - mean) are added to sums (as above). sums NULL: only the mask. */
static inline void clr_relu_backward_rows(clr_element *dx, const clr_element *x, const clr_element *bn_input, int64_t n,
                                          int c, const clr_prologue *prologue, const float *mean, double *sums,
                                          int64_t width)
{
    for (int64_t from = 0; from < n; from += CLR_MOMENT_ROWS) {
        int64_t rows = n - from < CLR_MOMENT_ROWS ? n - from : CLR_MOMENT_ROWS;
        for (int c0 = 0; c0 < c; c0 += CLR_MOMENT_LANES) {
            int lanes = c - c0 < CLR_MOMENT_LANES ? c - c0 : CLR_MOMENT_LANES;
            int64_t at = from * c + c0;
            clr_prologue part = *prologue;
            clr_moment_sums s = {.first = {{0}}};
            if (part.scale)
                part.scale += c0, part.shift += c0;
            if (lanes == CLR_MOMENT_LANES)
                clr_relu_backward_chunk(dx + at, x + at, bn_input + at, rows, c, CLR_MOMENT_LANES, &part,
                                        mean ? mean + c0 : NULL, &s);
            else
                clr_relu_backward_chunk(dx + at, x + at, bn_input + at, rows, c, lanes, &part, mean ? mean + c0 : NULL,
                                        &s);
            for (int i = 0; i < lanes && sums; i++) {
                sums[c0 + i] += s.first[i / CLR_LANES][i % CLR_LANES];
                sums[width + c0 + i] += s.second[i / CLR_LANES][i % CLR_LANES];
            }
        }
    }
}

#endif
