/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PAIRS_H
#define CLR_PAIRS_H
/* Weights, which are fp32, arranged as pairs of rounded elements (clr/stored.h). Included by kernel files. Local. */
#include "clr/stored.h"

#include <string.h>

/* to (pairs of columns, rows) from floats (rows, columns), at most CLR_LANES rows, from_ld apart: pairs of a column lie
   to_ld elements behind those of the last. An odd last column is paired with zero. */
static inline void clr_transpose_pairs(int rows, int columns, const float *from, int64_t from_ld, clr_element *to,
                                       int64_t to_ld)
{
    int l = 0;

    for (; l + CLR_LANES * CLR_PAIR <= columns && rows == CLR_LANES; l += CLR_LANES * CLR_PAIR) {
        clr_vec v[CLR_LANES];
        UNROLL_FOR (int i = 0; i < CLR_LANES; i++)
            v[i] = clr_pairs_of_floats(from + i * from_ld + l);
        clr_transpose_square(v);
        UNROLL_FOR (int i = 0; i < CLR_LANES; i++)
            memcpy(to + (l / CLR_PAIR + i) * to_ld, &v[i], sizeof v[i]);
    }
    for (; l < columns; l++)
        for (int i = 0; i < rows; i++)
            to[l / CLR_PAIR * to_ld + i * CLR_PAIR + l % CLR_PAIR] = clr_element_of(from[i * from_ld + l]);
    for (int i = 0; i < rows && columns % CLR_PAIR; i++)
        to[columns / CLR_PAIR * to_ld + i * CLR_PAIR + 1] = 0;
}

#endif
