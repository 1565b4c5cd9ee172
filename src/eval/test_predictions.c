/* SPDX-License-Identifier: BSD-3-Clause */
/* Intervals against resampling, the permutation test against the binomial distribution, means over classes by hand. */
#include "clr/features.h"
#include "clr/predictions.h"
#include "clr/rng.h"
#include "clr/tensor.h"
#include "clr/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* A quantile of B resamples has a standard error of sqrt(q (1 - q) / B) / density: with B = 20,000, q = 0.025 and a
   normal density of 0.0584 / sd that is 0.019 sd; five of these and half a step of the counts are allowed. */
START_TEST(interval_is_that_of_the_bootstrap)
{
    enum { IMAGES = 500, RESAMPLES = 20000 };
    static double share[RESAMPLES];
    const int64_t right[] = {1, 40, 250, 431, 499};

    for (size_t r = 0; r < CLR_COUNT(right); r++) {
        double range[2], p = (double)right[r] / IMAGES, sd = 100 * sqrt(p * (1 - p) / IMAGES);
        clr_rng rng = clr_rng_for(3, r, 0, 0, CLR_RNG_PROBE);
        for (int b = 0; b < RESAMPLES; b++) {
            int hits = 0;
            for (int i = 0; i < IMAGES; i++)
                hits += clr_rng_below(&rng, IMAGES) < right[r];
            share[b] = 100.0 * hits / IMAGES;
        }
        qsort(share, RESAMPLES, sizeof *share, rising);
        clr_accuracy_interval(right[r], IMAGES, range);
        ck_assert_double_le(fabs(range[0] - share[RESAMPLES / 40]), 5 * 0.019 * sd + 100.0 / IMAGES);
        ck_assert_double_le(fabs(range[1] - share[RESAMPLES - RESAMPLES / 40]), 5 * 0.019 * sd + 100.0 / IMAGES);
    }
    double none[2], all[2];
    clr_accuracy_interval(0, 7, none);
    clr_accuracy_interval(7, 7, all);
    ck_assert(none[0] == 0 && none[1] == 0 && all[0] == 100 && all[1] == 100);
}
END_TEST

/* P(|2 X - m| >= |a - b|), X ~ Binomial(m, 1/2), m = a + b; five standard errors of the samples are allowed. */
START_TEST(permutations_follow_the_binomial_distribution)
{
    enum { SAMPLES = 40000 };
    const int64_t cases[][2] = {{0, 0}, {1, 0}, {5, 5}, {9, 1}, {30, 14}, {60, 61}, {200, 150}, {0, 40}};
    const double weight = 0.37;

    for (size_t c = 0; c < CLR_COUNT(cases); c++) {
        int64_t a = cases[c][0], b = cases[c][1], m = a + b;
        double exact = 0;
        for (int64_t k = 0; k <= m; k++)
            if (llabs(2 * k - m) >= llabs(a - b))
                exact += exp(lgamma((double)m + 1) - lgamma((double)k + 1) - lgamma((double)(m - k) + 1) -
                             (double)m * log(2));
        double p = clr_permutation_test(&a, &b, &weight, 1, SAMPLES, 11);
        ck_assert_double_le(fabs(p - exact), 5 * sqrt(exact * (1 - fmin(1, exact)) / SAMPLES) + 2.0 / SAMPLES);
        ck_assert_double_eq(p, clr_permutation_test(&a, &b, &weight, 1, SAMPLES, 11));
    }
    /* Two groups of other weights, every exchange counted: 2^(2 + 3) of them. */
    const int64_t first[] = {2, 0}, second[] = {0, 3};
    const double weights[] = {5, 1};
    int as_large = 0;
    for (int bits = 0; bits < 32; bits++) {
        int x = __builtin_popcount((unsigned)bits & 3), y = __builtin_popcount((unsigned)bits >> 2);
        as_large += fabs(5.0 * (2 * x - 2) + (2 * y - 3)) >= 7;
    }
    double p = clr_permutation_test(first, second, weights, 2, SAMPLES, 12), want = as_large / 32.0;
    ck_assert_double_le(fabs(p - want), 5 * sqrt(want * (1 - want) / SAMPLES) + 2.0 / SAMPLES);
}
END_TEST

START_TEST(mean_over_classes)
{
    const int32_t labels[] = {0, 0, 0, 0, 2, 2, 3};
    const int64_t guess[] = {0, 0, 0, 1, 2, 0, 0}, *predicted[] = {guess};
    const clr_predictions p = {7, 4, NULL, labels, 1, NULL, predicted};

    ck_assert_double_eq_tol(clr_mean_class_accuracy(&p, 0), (75.0 + 50 + 0) / 3, 1e-12); /* class 1 has no images */
}
END_TEST

/* Figures by hand: every covariance entry and every pair in double precision. Errors of fp32 products: c eps sqrt(n).
 */
START_TEST(figures_of_features)
{
    enum { ROWS = 300, DIM = 37 };
    static float h[ROWS * DIM];
    static double x[ROWS][DIM], c[DIM][DIM];
    const clr_features f = {.rows = ROWS, .dim = DIM, .h = h};
    double sum = 0, trace = 0, squares = 0, deviation = 0;
    clr_rng rng = clr_rng_for(5, 0, 0, 0, CLR_RNG_PROBE);

    for (int i = 0; i < ROWS; i++) {
        double length = 0;
        for (int j = 0; j < DIM; j++) {
            h[i * DIM + j] = (float)((j < 5 ? 3 : 0.3) * clr_rng_normal(&rng) + 0.5);
            length += (double)h[i * DIM + j] * h[i * DIM + j];
        }
        for (int j = 0; j < DIM; j++)
            x[i][j] = h[i * DIM + j] / sqrt(length);
    }
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < ROWS; k++) {
            double distance = 0;
            for (int j = 0; j < DIM; j++)
                distance += (x[i][j] - x[k][j]) * (x[i][j] - x[k][j]);
            sum += i == k ? 0 : exp(-2 * distance);
        }
    for (int j = 0; j < DIM; j++) {
        double mean = 0;
        for (int i = 0; i < ROWS; i++)
            mean += x[i][j] / ROWS;
        for (int i = 0; i < ROWS; i++)
            x[i][j] -= mean;
    }
    for (int j = 0; j < DIM; j++)
        for (int k = 0; k < DIM; k++) {
            for (int i = 0; i < ROWS; i++)
                c[j][k] += x[i][j] * x[i][k] / ROWS;
            squares += c[j][k] * c[j][k];
        }
    for (int j = 0; j < DIM; j++)
        trace += c[j][j], deviation += sqrt(c[j][j]) / sqrt(DIM);
    const clr_features_figures got = clr_features_look(&f);
    double bound = 16 * FLT_EPSILON * sqrt(ROWS);
    ck_assert_double_le(fabs(got.rank / (trace * trace / squares) - 1), bound);
    ck_assert_double_le(fabs(got.deviation / deviation - 1), bound);
    ck_assert_double_le(fabs(got.uniformity - log(sum / (ROWS * (ROWS - 1.0)))), bound);
    for (int i = 0; i < ROWS * DIM; i++)
        h[i] = (float)(1 + i % DIM);
    const clr_features_figures same = clr_features_look(&f);
    ck_assert_double_le(same.deviation, 1e-5);
    ck_assert_double_le(fabs(same.uniformity), bound);
    ck_assert(isnan(clr_features_look(&(clr_features){.rows = 1, .dim = DIM, .h = h}).rank));
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("predictions");

    tcase_add_test(cases, interval_is_that_of_the_bootstrap);
    tcase_add_test(cases, permutations_follow_the_binomial_distribution);
    tcase_add_test(cases, mean_over_classes);
    tcase_add_test(cases, figures_of_features);
    tcase_set_timeout(cases, 120);
    return clr_test_run("predictions", cases, CK_FORK_GETENV);
}
