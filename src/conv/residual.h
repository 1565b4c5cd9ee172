/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_RESIDUAL_H
#define CLR_RESIDUAL_H
/* The output of a residual block: branch + shortcut, through ReLU (clr/conv.h). Included by kernel files. Local. */
#include "clr/conv.h"
#include "clr/isa.h"

#include <stdint.h>

enum { CLR_RESIDUAL_STREAMED = 2 << 20 }; /* floats of a result above which it will not be found in cache anyway */

/* Rows first .. last-1 of (rows, k). copy: NULL, or where the rows are stored a second time, densely. streamed: out
   is stored past the caches (k a multiple of CLR_LANES, out aligned to a vector). A NaN stays NaN. */
static inline void clr_residual_add_rows(const clr_conv_residual *residual, int64_t first, int64_t last, int k,
                                         float *copy, bool streamed)
{
    const float *scale = residual->prologue.scale, *shift = residual->prologue.shift, *scale2 = residual->other.scale,
                *shift2 = residual->other.shift, *all_y = residual->y, *all_shortcut = residual->shortcut;
    float *all_out = residual->out;
    const clr_vec zero = clr_broadcast(0);
    const clr_vec_i rectified = (clr_vec_i)zero - (int32_t)(scale2 && residual->other.relu);

    for (int64_t row = first; row < last; row++) {
        const float *y = all_y + row * k, *shortcut = all_shortcut + row * k;
        float *out = all_out + row * k, *also = copy ? copy + (row - first) * k : NULL;
        int i = 0;
        for (; i + CLR_LANES <= k; i += CLR_LANES) {
            clr_vec other = clr_load(shortcut + i), sum = clr_load(scale + i) * clr_load(y + i) + clr_load(shift + i);
            if (scale2)
                other = clr_load(scale2 + i) * other + clr_load(shift2 + i);
            sum += (clr_vec)((clr_vec_i)other & ~(rectified & (other < zero)));
            sum = (clr_vec)((clr_vec_i)sum & ~(sum < zero));
            if (streamed)
                clr_stream_vec(out + i, sum);
            else
                clr_store_vec(out + i, sum);
            if (also)
                clr_store_vec(also + i, sum);
        }
        for (; i < k; i++) {
            float other = scale2 ? scale2[i] * shortcut[i] + shift2[i] : shortcut[i];
            float sum = scale[i] * y[i] + shift[i] + (scale2 && residual->other.relu && other < 0 ? 0 : other);
            out[i] = sum < 0 ? 0 : sum;
            if (also)
                also[i] = out[i];
        }
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
