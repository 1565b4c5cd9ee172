/* SPDX-License-Identifier: BSD-3-Clause */
/* Margin triplet (SimCLR, table 2): l = mean over negatives max(s_j - s_pos + m, 0), s without a temperature.

     dl/ds_j = 1 / n where the term is positive,  dl/ds_pos = minus their sum.

   Semi-hard mining (FaceNet): only negatives less similar than the positive, but within the margin, count. q of an
   anchor is 1 / n. */
#include "ops.h"

#include "clr/isa.h"

extern const clr_loss_op CLR_KERNEL(clr_loss_triplet);

static inline float term(const clr_loss_config *config, float s, float positive)
{
    float value = s - positive + (float)config->margin;

    return value > 0 && s > CLR_MASKED / 2 && (config->mining == CLR_MINING_NONE || s < positive) ? value : 0;
}

/* b counts the active ones; the mean is over all negatives, or over the active where they are mined. */
static void accumulate(const clr_loss_config *config, const float *s, int n, clr_loss_anchor *anchor)
{
    for (int j = 0; j < n; j++) {
        float value = term(config, s[j], anchor->positive);
        anchor->a += value;
        anchor->b += value > 0;
    }
}

static void finish(const clr_loss_config *config, clr_loss_anchor *anchor)
{
    double n = config->mining == CLR_MINING_SEMI_HARD ? anchor->b : anchor->negatives;

    anchor->q = n > 0 ? (float)(1 / n) : 0;
    anchor->p = 0;
    anchor->loss = anchor->a * anchor->q;
    anchor->weight = (float)(-anchor->b * anchor->q);
}

static void gradient(const clr_loss_config *config, const float *s, int n, float positive, float p, float q, float *w)
{
    (void)p;
    for (int j = 0; j < n; j++)
        w[j] += term(config, s[j], positive) > 0 ? q : 0;
}

const clr_loss_op CLR_KERNEL(clr_loss_triplet) = {
    .accumulate = accumulate, .finish = finish, .gradient = gradient, .temperature = false};
