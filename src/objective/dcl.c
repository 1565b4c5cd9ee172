/* SPDX-License-Identifier: BSD-3-Clause */
/* Decoupled contrastive loss (Yeh et al. 2021, arXiv 2110.06848, equation 6): NT-Xent whose positive has left the
   denominator,

     lse = shift + log(sum over negatives exp(s - shift)),  l = lse - s_pos,  dl/ds_j = exp(s_j - lse),  dl/ds_pos = -1.

   The gradient does not fade when the positive is already far ahead. The entropy is that of the softmax over the
   negatives. p of an anchor is its lse. */
#include "exp_sums.h"

#include <math.h>

extern const clr_loss_op CLR_KERNEL(clr_loss_dcl);

static void finish(const clr_loss_config *config, clr_loss_anchor *anchor)
{
    double lse = anchor->shift + log(anchor->a);

    (void)config;
    anchor->loss = lse - anchor->positive;
    anchor->entropy = lse - anchor->b / anchor->a;
    anchor->weight = -1;
    anchor->p = (float)lse;
    anchor->q = 0;
}

static double chance(const clr_loss_config *config, int64_t images)
{
    return log(config->negatives == CLR_NEGATIVES_ONE_VIEW ? (double)images - 1 : 2 * (double)images - 2);
}

const clr_loss_op CLR_KERNEL(clr_loss_dcl) = {.accumulate = exp_accumulate,
                                              .finish = finish,
                                              .gradient = exp_gradient,
                                              .temperature = true,
                                              .softmax = true,
                                              .chance = chance};
