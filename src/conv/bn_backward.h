/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_BN_BACKWARD_H
#define CLR_BN_BACKWARD_H
/* Batch norm's backward: dy from y and g, in the place of y (clr/conv.h). Included by kernel files. Local. */
#include "clr/conv.h"
#include "clr/stored.h"

#include <stdint.h>

/* n channels of a pixel, from channel i on. */
INLINE void clr_bn_backward_vector(const clr_conv_bn_backward *to, const clr_element *g, clr_element *y, int i, int n)
{
    clr_vec a = clr_load_floats(to->a + i, n), b = clr_load_floats(to->b + i, n), c = clr_load_floats(to->c + i, n),
            mean = clr_load_floats(to->mean + i, n), at = clr_load_some(y + i, n), gradient = clr_load_some(g + i, n);

    clr_store_some(y + i, a * gradient + (b * (at - mean) + c), n);
}

/* Rows first .. last-1 of (rows, k). */
static inline void clr_bn_backward_rows(const clr_conv_bn_backward *bn_backward, int64_t first, int64_t last, int k,
                                        clr_element *y)
{
    const clr_element *g = (const clr_element *)bn_backward->g + first * k;
    int whole = k / CLR_LANES * CLR_LANES;

    y += first * k;
    for (int64_t row = first; row < last; row++, g += k, y += k) {
        for (int i = 0; i < whole; i += CLR_LANES)
            clr_bn_backward_vector(bn_backward, g, y, i, CLR_LANES);
        if (whole < k)
            clr_bn_backward_vector(bn_backward, g, y, whole, k - whole);
    }
}

#endif
