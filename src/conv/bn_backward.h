/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_BN_BACKWARD_H
#define CLR_BN_BACKWARD_H
/* Batch norm's backward: dy from y and g, in the place of y (clr/conv.h). Included by kernel files. Local. */
#include "clr/conv.h"

#include <stdint.h>

/* Rows first .. last-1 of (rows, k). */
static inline void clr_bn_backward_rows(const clr_conv_bn_backward *bn_backward, int64_t first, int64_t last, int k,
                                        float *y)
{
    const float *restrict a = bn_backward->a, *restrict b = bn_backward->b, *restrict c = bn_backward->c,
                          *restrict mean = bn_backward->mean, *all = bn_backward->g;

    for (int64_t row = first; row < last; row++) {
        const float *restrict g = all + row * k;
        float *restrict at = y + row * k;
        for (int i = 0; i < k; i++)
            at[i] = a[i] * g[i] + (b[i] * (at[i] - mean[i]) + c[i]);
    }
}

#endif
