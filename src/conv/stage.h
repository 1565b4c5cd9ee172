/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STAGE_H
#define CLR_STAGE_H
/* Staging: rows of an image copied into cache, zero-padded, with the prologue applied. A kernel of 1x1 without
   padding takes only the pixels that its stride visits. Included by kernel files. Local. */
#include "clr/conv.h"
#include "clr/isa.h"
#include "clr/mem.h"

#include <string.h>

typedef struct stage {
    int h, w, channels; /* of the tensor that is staged */
    int low, columns;   /* first staged column, may be negative; how many */
    int pick;           /* every so many pixels and rows are taken */
} stage;

/* `pixels` pixels, channels c0 .. c0+n-1 of each, `from_ld` floats apart, into to, `to_ld` apart. A NaN stays. */
static inline void stage_pixels(float *to, int64_t to_ld, const float *from, int64_t from_ld, int pixels, int c0, int n,
                                const clr_prologue *prologue)
{
    const float *restrict scale = prologue->scale ? prologue->scale + c0 : NULL, *restrict shift =
                                                                                     prologue->scale
                                                                                         ? prologue->shift + c0
                                                                                         : NULL;

    if (!scale && from_ld == n && to_ld == n) {
        memcpy(to, from + c0, (size_t)pixels * (size_t)n * sizeof *to);
        return;
    }
    for (int i = 0; i < pixels; i++) {
        float *restrict out = to + i * to_ld;
        const float *restrict in = from + i * from_ld + c0;
        if (!scale)
            memcpy(out, in, (size_t)n * sizeof *out);
        else if (prologue->relu)
            for (int c = 0; c < n; c++) {
                float activated = scale[c] * in[c] + shift[c];
                out[c] = activated < 0 ? 0 : activated;
            }
        else
            for (int c = 0; c < n; c++)
                out[c] = scale[c] * in[c] + shift[c];
    }
}

/* Rows low .. low+rows-1 of one image, channels c0 .. c0+n-1, into (rows, columns, n); what lies outside is zero. */
static inline void stage_rows(const stage *b, const float *image, const clr_prologue *prologue, int low, int rows,
                              int c0, int n, float *to)
{
    size_t row_floats = (size_t)b->columns * (size_t)n, pixel = (size_t)n * sizeof *to;
    int left = b->low < 0 ? -b->low : 0, first = b->low > 0 ? b->low : 0;
    int reach = (b->w - 1) / b->pick + 1;
    int inside = (int)clr_max64(0, clr_min64(reach - first, b->columns - left));

    for (int row = low; row < low + rows; row++, to += row_floats) {
        if (row < 0 || row * b->pick >= b->h) {
            memset(to, 0, row_floats * sizeof *to);
            continue;
        }
        memset(to, 0, (size_t)left * pixel);
        stage_pixels(to + (size_t)left * (size_t)n, n, image + ((int64_t)row * b->w + first) * b->pick * b->channels,
                     (int64_t)b->pick * b->channels, inside, c0, n, prologue);
        memset(to + (size_t)(left + inside) * (size_t)n, 0, (size_t)(b->columns - left - inside) * pixel);
    }
}

#endif
