/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LOSS_EXP_H
#define CLR_LOSS_EXP_H
/* exp of vectors for kernel files: x = n ln 2 + r, |r| <= ln 2 / 2, 2^n times a polynomial of degree 6 in r
   (Taylor's with its last terms bent to the interval). Relative error at most 3 eps for -87 <= x <= 88 (test_exp);
   below -87 the result is 0. */
#include "clr/isa.h"

/* exp of every lane. */
static inline clr_vec clr_exp(clr_vec x)
{
    const clr_vec magic = clr_broadcast(12582912.0f), low = clr_broadcast(-87.0f);
    clr_vec_i keep = x >= low;

    x = (clr_vec)((keep & (clr_vec_i)x) | (~keep & (clr_vec_i)low));
    clr_vec n = x * clr_broadcast(1.44269504f) + magic;
    clr_vec_i bits = (clr_vec_i)n << 23;
    n -= magic;
    clr_vec r = x - n * clr_broadcast(0.693145752f);
    r -= n * clr_broadcast(1.42860677e-6f);
    clr_vec p = clr_broadcast(1.3888889e-3f);
    p = p * r + clr_broadcast(8.3333333e-3f);
    p = p * r + clr_broadcast(4.1666668e-2f);
    p = p * r + clr_broadcast(1.6666667e-1f);
    p = p * r + clr_broadcast(0.5f);
    p = p * r + clr_broadcast(1.0f);
    p = p * r + clr_broadcast(1.0f);
    return (clr_vec)((clr_vec_i)((clr_vec_i)p + bits) & keep);
}

#endif
