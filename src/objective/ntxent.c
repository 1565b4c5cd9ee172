/* NT-Xent (SimCLR, equation 1): l = -log(exp(s_pos) / sum over candidates exp(s)), candidates the positive and the negatives.

     lse = shift + log(sum exp(s - shift)),  l = lse - s_pos,  dl/ds_j = exp(s_j - lse), less 1 for the positive.

   The softmax' entropy is lse - sum p s. p of an anchor is its lse. */
#include "ops.h"

#include "exp.h"

#include <math.h>

extern const clr_loss_op CLR_KERNEL(clr_loss_ntxent);
extern const clr_loss_both CLR_KERNEL(clr_loss_both);

static float total(clr_vec v)
{
    float sum = 0;

    for (int i = 0; i < CLR_LANES; i++)
        sum += v[i];
    return sum;
}

/* n values from s, padded with what is masked. */
static clr_vec load(const float *s, int n)
{
    clr_vec v = clr_broadcast(CLR_MASKED);

    if (n >= CLR_LANES)
        return clr_load(s);
    for (int i = 0; i < n; i++)
        v[i] = s[i];
    return v;
}

static void gather(const clr_loss_config *config, const float *s, int n, clr_loss_anchor *anchor)
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

static void settle(const clr_loss_config *config, clr_loss_anchor *anchor)
{
    double e = exp((double)anchor->positive - anchor->shift), sum = anchor->a + e, lse = anchor->shift + log(sum);

    (void)config;
    anchor->loss = lse - anchor->positive;
    anchor->entropy = lse - (anchor->b + e * anchor->positive) / sum;
    anchor->weight = (float)(e / sum - 1);
    anchor->p = (float)lse;
    anchor->q = 0;
}

static void weigh(const clr_loss_config *config, const float *s, int n, float positive, float p, float q, float *w)
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

const clr_loss_op CLR_KERNEL(clr_loss_ntxent) = {gather, settle, weigh};

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
    for (int k = 0; k < CLR_LANES; k++)
        to[k] -= is[k];
}

/* columns is a multiple of CLR_LANES here: the engine pads a tile with what is masked. */
static void both_gather(const float *s, int rows, int columns, int64_t ld, float shift, double *ra, double *rb, const clr_loss_places *row,
                        float *ca, float *cb, const clr_loss_places *column)
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

static void both_weigh(float *s, int rows, int columns, int64_t ld, float shift, const float *row_inverse, const float *column_inverse)
{
    clr_vec by = clr_broadcast(shift);

    for (int i = 0; i < rows; i++, s += ld)
        for (int j = 0; j < columns; j += CLR_LANES)
            clr_store_vec(s + j, clr_exp(clr_load(s + j) - by) * (clr_broadcast(row_inverse[i]) + clr_load(column_inverse + j)));
}

const clr_loss_both CLR_KERNEL(clr_loss_both) = {both_gather, both_weigh, place};
