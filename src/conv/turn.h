#ifndef CLR_TURN_H
#define CLR_TURN_H
/* The gradient of a batch norm, in the place of its input (clr/conv.h). Included by kernel files. Local. */
#include "clr/conv.h"

#include <stdint.h>

/* Rows first .. last-1 of (rows, k). */
static inline void clr_turn_rows(const clr_conv_turn *turn, int64_t first, int64_t last, int k, float *y)
{
    const float *restrict a = turn->a, *restrict b = turn->b, *restrict c = turn->c, *restrict mean = turn->mean;

    for (int64_t row = first; row < last; row++) {
        const float *restrict g = turn->g + row * k;
        float *restrict at = y + row * k;
        for (int i = 0; i < k; i++)
            at[i] = a[i] * g[i] + (b[i] * (at[i] - mean[i]) + c[i]);
    }
}

#endif
