/* SPDX-License-Identifier: BSD-3-Clause */
/* NT-Logistic (SimCLR, table 2): l = -log sigma(s_pos) - mean over negatives log sigma(-s_j).

     dl/ds_pos = -sigma(-s_pos),  dl/ds_j = sigma(s_j) / n.

   Semi-hard mining (FaceNet, Schroff et al. 2015): only negatives less similar than the positive count. q of an anchor
   is 1 / n. */
#include "ops.h"

#include "clr/isa.h"

#include <math.h>

extern const clr_loss_op CLR_KERNEL(clr_loss_ntlogistic);

static inline bool counts(const clr_loss_config *config, float s, float positive)
{
    return s > CLR_MASKED / 2 && (config->mining == CLR_MINING_NONE || s < positive);
}

/* log(1 + exp(s)) */
static inline double softplus(double s)
{
    return s > 0 ? s + log1p(exp(-s)) : log1p(exp(s));
}

static void accumulate(const clr_loss_config *config, const float *s, int n, clr_loss_anchor *anchor)
{
    for (int j = 0; j < n; j++)
        if (counts(config, s[j], anchor->positive)) {
            anchor->a += softplus(s[j]);
            anchor->b += 1;
        }
}

static void finish(const clr_loss_config *config, clr_loss_anchor *anchor)
{
    (void)config;
    anchor->loss = softplus(-(double)anchor->positive) + (anchor->b > 0 ? anchor->a / anchor->b : 0);
    anchor->weight = (float)(-1 / (1 + exp((double)anchor->positive)));
    anchor->p = 0;
    anchor->q = anchor->b > 0 ? (float)(1 / anchor->b) : 0;
}

static void gradient(const clr_loss_config *config, const float *s, int n, float positive, float p, float q, float *w)
{
    (void)p;
    for (int j = 0; j < n; j++)
        if (counts(config, s[j], positive))
            w[j] += q / (1 + expf(-s[j]));
}

const clr_loss_op CLR_KERNEL(clr_loss_ntlogistic) = {
    .accumulate = accumulate, .finish = finish, .gradient = gradient, .temperature = true};
