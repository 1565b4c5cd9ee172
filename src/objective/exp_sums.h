/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LOSS_EXP_SUMS_H
#define CLR_LOSS_EXP_SUMS_H
/* Sums that losses of the softmax kind share: a = sum of exp(s - shift), b = sum of exp(s - shift) s over the
   negatives, and dl/ds_j = exp(s_j - p). Included by kernel files. Local. */
#include "ops.h"

#include "exp.h"

/* The sum of a vector's lanes. */
static inline float total(clr_vec v)
{
    float sum = 0;

    for (int i = 0; i < CLR_LANES; i++)
        sum += v[i];
    return sum;
}

/* n values from s, padded with what is masked. */
static inline clr_vec load(const float *s, int n)
{
    clr_vec v = clr_broadcast(CLR_MASKED);

    if (n >= CLR_LANES)
        return clr_load(s);
    for (int i = 0; i < n; i++)
        v[i] = s[i];
    return v;
}

/* clr_loss_op's accumulate. */
static inline void exp_accumulate(const clr_loss_config *config, const float *s, int n, clr_loss_anchor *anchor)
{
    clr_vec a = {0}, b = {0}, shift = clr_broadcast(anchor->shift);

    (void)config;
    for (int j = 0; j < n; j += CLR_LANES) {
        clr_vec v = load(s + j, n - j), e = clr_exp(v - shift);
        a += e;
        b += e * v;
    }
    anchor->a += total(a);
    anchor->b += total(b);
}

/* clr_loss_op's gradient; p: the logarithm of the softmax' denominator. */
static inline void exp_gradient(const clr_loss_config *config, const float *s, int n, float positive, float p, float q,
                                float *w)
{
    clr_vec lse = clr_broadcast(p);

    (void)config, (void)positive, (void)q;
    for (int j = 0; j < n; j += CLR_LANES) {
        clr_vec e = clr_exp(load(s + j, n - j) - lse);
        if (n - j >= CLR_LANES)
            clr_store_vec(w + j, clr_load(w + j) + e);
        else
            for (int i = 0; i < n - j; i++)
                w[j + i] += e[i];
    }
}

#endif
