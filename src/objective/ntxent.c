/* SPDX-License-Identifier: BSD-3-Clause */
/* NT-Xent (SimCLR, equation 1): l = -log(exp(s_pos) / sum over candidates exp(s)), candidates the positive and the
   negatives.

     lse = shift + log(sum exp(s - shift)),  l = lse - s_pos,  dl/ds_j = exp(s_j - lse), less 1 for the positive.

   The softmax' entropy is lse - sum p s. p of an anchor is its lse. */
#include "exp_sums.h"

#include <math.h>

extern const clr_loss_op CLR_KERNEL(clr_loss_ntxent);

static void finish(const clr_loss_config *config, clr_loss_anchor *anchor)
{
    double e = exp((double)anchor->positive - anchor->shift), sum = anchor->a + e, lse = anchor->shift + log(sum);

    (void)config;
    anchor->loss = lse - anchor->positive;
    anchor->entropy = lse - (anchor->b + e * anchor->positive) / sum;
    anchor->weight = (float)(e / sum - 1);
    anchor->p = (float)lse;
    anchor->q = 0;
}

static double chance(const clr_loss_config *config, int64_t images)
{
    return log(config->negatives == CLR_NEGATIVES_ONE_VIEW ? (double)images : 2 * (double)images - 1);
}

const clr_loss_op CLR_KERNEL(clr_loss_ntxent) = {.accumulate = exp_accumulate,
                                                 .finish = finish,
                                                 .gradient = exp_gradient,
                                                 .temperature = true,
                                                 .positive = true,
                                                 .softmax = true,
                                                 .chance = chance};
