/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_RESIDUAL_H
#define CLR_RESIDUAL_H
/* The output of a residual block: branch + shortcut, through ReLU (clr/conv.h). Included by kernel files. Local. */
#include "clr/conv.h"
#include "clr/stored.h"

#include <stdint.h>

enum { CLR_RESIDUAL_STREAMED = 2 << 20 }; /* elements of a result above which it will not be found in cache anyway */

/* n channels of a pixel, from channel i on: in out, and in copy where that is not NULL. */
INLINE void clr_residual_add_vector(const clr_conv_residual *residual, const clr_element *y,
                                    const clr_element *shortcut, int i, int n, bool streamed, clr_element *out,
                                    clr_element *copy)
{
    const clr_prologue *branch = &residual->prologue, *other = &residual->other;
    clr_vec scale = clr_load_floats(branch->scale + i, n), shift = clr_load_floats(branch->shift + i, n),
            sum = clr_load_some(y + i, n), beside = clr_load_some(shortcut + i, n);

    sum = scale * sum + shift;
    if (other->scale) {
        scale = clr_load_floats(other->scale + i, n), shift = clr_load_floats(other->shift + i, n);
        beside = scale * beside + shift;
        if (other->relu)
            beside = (clr_vec)((clr_vec_i)beside & ~(beside < 0.0f));
    }
    sum += beside;
    sum = (clr_vec)((clr_vec_i)sum & ~(sum < 0.0f));
    if (streamed)
        clr_stream_elements(out + i, sum);
    else
        clr_store_some(out + i, sum, n);
    if (copy)
        clr_store_some(copy + i, sum, n);
}

/* Rows first .. last-1 of (rows, k). copy: NULL, or where the rows are stored a second time, densely. streamed: out
   is stored past the caches (k a multiple of CLR_LANES, out aligned to a vector). A NaN stays NaN. */
static inline void clr_residual_add_rows(const clr_conv_residual *residual, int64_t first, int64_t last, int k,
                                         clr_element *copy, bool streamed)
{
    const clr_element *y = (const clr_element *)residual->y + first * k,
                      *shortcut = (const clr_element *)residual->shortcut + first * k;
    clr_element *out = (clr_element *)residual->out + first * k;
    int whole = k / CLR_LANES * CLR_LANES;

    for (int64_t row = first; row < last; row++, y += k, shortcut += k, out += k) {
        for (int i = 0; i < whole; i += CLR_LANES)
            clr_residual_add_vector(residual, y, shortcut, i, CLR_LANES, streamed, out, copy);
        if (whole < k)
            clr_residual_add_vector(residual, y, shortcut, whole, k - whole, false, out, copy);
        copy = copy ? copy + k : NULL;
    }
    if (streamed)
        clr_stream_end();
}

/* Whether the output is so large that it should be stored past the caches, and can be. */
static inline bool clr_residual_add_streams(const clr_conv_residual *residual, int64_t rows, int k)
{
    return rows * k > CLR_RESIDUAL_STREAMED && k % CLR_LANES == 0 && (uintptr_t)residual->out % sizeof(clr_vec) == 0;
}

#endif
