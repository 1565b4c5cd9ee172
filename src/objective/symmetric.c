/* SPDX-License-Identifier: BSD-3-Clause */
/* Tiles of the softmax losses: sums by row and by column, weights of both sides of a pair from one exp, and the
   place of an anchor's positive among its negatives. */
#include "exp_sums.h"

#include <string.h>

extern const clr_loss_symmetric CLR_KERNEL(clr_loss_symmetric);

static int32_t count(clr_vec_i v)
{
    int32_t sum = 0;

    for (int i = 0; i < CLR_LANES; i++)
        sum += v[i];
    return sum;
}

static void place(const float *s, int n, float high, float low, int32_t *above, int32_t *least, double *sum)
{
    clr_vec_i over = {0}, from = {0};
    clr_vec all = {0}, top = clr_broadcast(high), bottom = clr_broadcast(low), floor = clr_broadcast(CLR_MASKED / 2);

    for (int j = 0; j < n; j += CLR_LANES) {
        clr_vec v = load(s + j, n - j);
        over -= v > top;
        from -= v >= bottom;
        all += (clr_vec)((clr_vec_i)v & (v > floor));
    }
    *above += count(over);
    *least += count(from);
    *sum += total(all);
}

/* to -= is, lane by lane: what is true is -1. */
static inline void tally(int32_t *to, clr_vec_i is)
{
    clr_vec_i sum;

    memcpy(&sum, to, sizeof sum);
    sum -= is;
    memcpy(to, &sum, sizeof sum);
}

/* columns is a multiple of CLR_LANES here: the engine pads a tile with what is masked. */
static void accumulate(const float *s, int rows, int columns, int64_t ld, float shift, double *ra, double *rb,
                       const clr_loss_places *row, float *ca, float *cb, const clr_loss_places *column)
{
    clr_vec by = clr_broadcast(shift);

    for (int i = 0; i < rows; i++, s += ld) {
        clr_vec a = {0}, b = {0}, high = clr_broadcast(row->high[i]), low = clr_broadcast(row->low[i]);
        clr_vec_i above = {0}, least = {0};
        for (int j = 0; j < columns; j += CLR_LANES) {
            clr_vec v = clr_load(s + j), e = clr_exp(v - by), es = e * v;
            a += e;
            b += es;
            above -= v > high;
            least -= v >= low;
            if (ca) {
                clr_store_vec(ca + j, clr_load(ca + j) + e);
                clr_store_vec(cb + j, clr_load(cb + j) + es);
                tally(column->above + j, v > clr_load(column->high + j));
                tally(column->least + j, v >= clr_load(column->low + j));
            }
        }
        ra[i] += total(a);
        rb[i] += total(b);
        row->above[i] += count(above);
        row->least[i] += count(least);
    }
}

static void gradient(float *s, int rows, int columns, int64_t ld, float shift, const float *row_factor,
                     const float *column_factor)
{
    clr_vec by = clr_broadcast(shift);

    for (int i = 0; i < rows; i++, s += ld)
        for (int j = 0; j < columns; j += CLR_LANES)
            clr_store_vec(s + j,
                          clr_exp(clr_load(s + j) - by) * (clr_broadcast(row_factor[i]) + clr_load(column_factor + j)));
}

const clr_loss_symmetric CLR_KERNEL(clr_loss_symmetric) = {accumulate, gradient, place};
