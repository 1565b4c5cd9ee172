/* SPDX-License-Identifier: BSD-3-Clause */
/* How sure an accuracy and a difference are: the bootstrap's interval, and a permutation test. Of m images of a group
   on which two classifiers disagree, an exchange gives X ~ Binomial(m, 1/2) to the first: m random bits. */
#include "clr/predictions.h"

#include "clr/rng.h"
#include "clr/tensor.h"

#include <math.h>

void clr_accuracy_interval(int64_t right, int64_t n, double range[2])
{
    double p = (double)right / (double)n, sum = 0;
    int64_t low = -1, high = n;

    if (right == 0 || right == n) { /* every resample is the same */
        range[0] = range[1] = 100 * p;
        return;
    }
    for (int64_t k = 0; k <= n; k++) {
        sum += exp(lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) + (double)k * log(p) +
                   (double)(n - k) * log1p(-p));
        low = low < 0 && sum >= 0.025 ? k : low;
        if (sum >= 0.975) {
            high = k;
            break;
        }
    }
    range[0] = 100 * (double)low / (double)n;
    range[1] = 100 * (double)high / (double)n;
}

/* How many of n random bits are set. */
static int64_t heads(clr_rng *rng, int64_t n)
{
    int64_t set = 0;

    for (; n > 0; n -= 32) {
        uint32_t bits = clr_rng_u32(rng);
        set += __builtin_popcount(n < 32 ? bits & ((1U << n) - 1) : bits);
    }
    return set;
}

double clr_permutation_test(const int64_t *a, const int64_t *b, const double *weight, int groups, int64_t samples,
                            uint64_t seed)
{
    double seen = 0, scale = 0;
    int64_t as_large = 0;

    for (int k = 0; k < groups; k++) {
        seen += weight[k] * (double)(a[k] - b[k]);
        scale += weight[k] * (double)(a[k] + b[k]);
    }
#pragma omp parallel for schedule(static) reduction(+ : as_large)
    for (int64_t i = 0; i < samples; i++) {
        clr_rng rng = clr_rng_for(seed, 0, (uint64_t)i, 0, CLR_RNG_PROBE);
        double drawn = 0;
        for (int k = 0; k < groups; k++)
            drawn += weight[k] * (double)(2 * heads(&rng, a[k] + b[k]) - a[k] - b[k]);
        as_large += fabs(drawn) >= fabs(seen) - 1e-12 * scale; /* equal but for rounding */
    }
    return (double)(as_large + 1) / (double)(samples + 1);
}
