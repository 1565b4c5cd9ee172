/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STAGE_H
#define CLR_STAGE_H
/* Staging: rows of an image copied into cache, zero-padded, with the prologue applied. A kernel of 1x1 without
   padding takes only the pixels that its stride visits. Where sums run over pixels, CLR_PAIR images are staged
   together, element by element in turn, so that a pair lies together (clr/stored.h).
   Included by kernel files. Local. */
#include "clr/conv.h"
#include "clr/mem.h"
#include "clr/stored.h"

#include <string.h>

typedef struct stage {
    int h, w, channels; /* of the tensor that is staged */
    int low, columns;   /* first staged column, may be negative; how many */
    int pick;           /* every so many pixels and rows are taken */
} stage;

/* n <= CLR_LANES channels of a pixel, from channel c on, with the prologue applied. A NaN stays. */
INLINE clr_vec stage_vector(const clr_element *pixel, const clr_prologue *prologue, int c, int n)
{
    clr_vec v = clr_load_some(pixel + c, n), scale, shift;

    if (!prologue->scale)
        return v;
    scale = clr_load_floats(prologue->scale + c, n), shift = clr_load_floats(prologue->shift + c, n);
    v = scale * v + shift;
    return prologue->relu ? (clr_vec)((clr_vec_i)v & ~(v < 0.0f)) : v;
}

/* `pixels` pixels, channels c0 .. c0+n-1 of each, `from_ld` elements apart, into to, `to_ld` apart. */
static inline void stage_pixels(clr_element *to, int64_t to_ld, const clr_element *from, int64_t from_ld, int pixels,
                                int c0, int n, const clr_prologue *prologue)
{
    if (!prologue->scale && from_ld == n && to_ld == n) {
        memcpy(to, from + c0, (size_t)pixels * (size_t)n * sizeof *to);
        return;
    }
    for (int i = 0; i < pixels; i++, to += to_ld, from += from_ld)
        if (!prologue->scale)
            memcpy(to, from + c0, (size_t)n * sizeof *to);
        else {
            int c = 0;
            for (; c + CLR_LANES <= n; c += CLR_LANES)
                clr_store_elements(to + c, stage_vector(from, prologue, c0 + c, CLR_LANES));
            if (c < n)
                clr_store_some(to + c, stage_vector(from, prologue, c0 + c, n - c), n - c);
        }
}

/* n <= CLR_LANES channels of a pixel of CLR_PAIR images, from channel c on, as pairs. */
INLINE void stage_pair_vector(clr_element *to, const clr_element *const from[CLR_PAIR], int64_t at,
                              const clr_prologue *prologue, int c, int n)
{
    clr_element pairs[CLR_LANES * CLR_PAIR];
    clr_vec v[CLR_PAIR];

    for (int p = 0; p < CLR_PAIR; p++)
        v[p] = from[p] ? stage_vector(from[p] + at, prologue, c, n) : clr_broadcast(0);
    clr_store_pairs(n == CLR_LANES ? to : pairs, v);
    if (n < CLR_LANES)
        memcpy(to, pairs, (size_t)(n * CLR_PAIR) * sizeof *to);
}

/* The same of CLR_PAIR images, as pairs; an image that is NULL counts as zero. */
static inline void stage_pairs(clr_element *to, int64_t to_ld, const clr_element *const from[CLR_PAIR], int64_t from_ld,
                               int pixels, int c0, int n, const clr_prologue *prologue)
{
    for (int i = 0; i < pixels; i++, to += to_ld) {
        int c = 0;
        for (; c + CLR_LANES <= n; c += CLR_LANES)
            stage_pair_vector(to + c * CLR_PAIR, from, i * from_ld, prologue, c0 + c, CLR_LANES);
        if (c < n)
            stage_pair_vector(to + c * CLR_PAIR, from, i * from_ld, prologue, c0 + c, n - c);
    }
}

/* Rows low .. low+rows-1, channels c0 .. c0+n-1, into (rows, columns, n), of one image (together 1), or into (rows,
   columns, n, CLR_PAIR), of as many (together CLR_PAIR); what lies outside is zero. */
static inline void stage_rows(const stage *b, const clr_element *const image[], const int together,
                              const clr_prologue *prologue, int low, int rows, int c0, int n, clr_element *to)
{
    size_t pixel = (size_t)n * (size_t)together, row_elements = (size_t)b->columns * pixel;
    int left = b->low < 0 ? -b->low : 0, first = b->low > 0 ? b->low : 0;
    int reach = (b->w - 1) / b->pick + 1;
    int inside = (int)clr_max64(0, clr_min64(reach - first, b->columns - left));
    int64_t from_ld = (int64_t)b->pick * b->channels;

    for (int row = low; row < low + rows; row++, to += row_elements) {
        const clr_element *from[CLR_PAIR];
        clr_element *at = to + (size_t)left * pixel;
        if (row < 0 || row * b->pick >= b->h) {
            memset(to, 0, row_elements * sizeof *to);
            continue;
        }
        for (int p = 0; p < together; p++)
            from[p] = image[p] ? image[p] + ((int64_t)row * b->w + first) * from_ld : NULL;
        memset(to, 0, (size_t)left * pixel * sizeof *to);
        if (together == 1)
            stage_pixels(at, n, from[0], from_ld, inside, c0, n, prologue);
        else
            stage_pairs(at, (int64_t)pixel, from, from_ld, inside, c0, n, prologue);
        memset(at + (size_t)inside * pixel, 0, (size_t)(b->columns - left - inside) * pixel * sizeof *to);
    }
}

#endif
