/* SPDX-License-Identifier: BSD-3-Clause */
/* Principal components and t-SNE against plain double precision. */
#include "tsne.h"

#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/tensor.h"
#include "clr/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Rows of clouds around `centres` points far from each other, longer along some directions than along others. */
static float *clouds(int rows, int dim, int centres, double apart)
{
    float *x = CLR_NEW(float, rows *dim);

    for (int r = 0; r < rows; r++) {
        clr_rng rng = clr_rng_for(3, 0, (uint64_t)r, 0, CLR_RNG_PROBE),
                centre = clr_rng_for(4, 0, (uint64_t)(r % centres), 0, CLR_RNG_PROBE);
        for (int i = 0; i < dim; i++)
            x[r * dim + i] = (float)(apart * clr_rng_normal(&centre) + clr_rng_normal(&rng) * (1 + 3.0 / (1 + i)) + i);
    }
    return x;
}

/* The k-th principal component by deflation and power iteration in double precision. */
START_TEST(components)
{
    enum { ROWS = 240, DIM = 17, K = 4, POWER = 4000 };
    float *x = clouds(ROWS, DIM, 1, 0), *out = CLR_NEW(float, ROWS *K);
    double share[K], c[DIM][DIM] = {{0}}, mean[DIM] = {0}, all = 0;

    ck_assert_int_eq(clr_pca(x, ROWS, DIM, K, out, share), CLR_OK);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < DIM; i++)
            mean[i] += x[r * DIM + i] / (double)ROWS;
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < DIM; i++)
            for (int j = 0; j < DIM; j++)
                c[i][j] += (x[r * DIM + i] - mean[i]) * (x[r * DIM + j] - mean[j]) / ROWS;
    for (int i = 0; i < DIM; i++)
        all += c[i][i];
    for (int k = 0; k < K; k++) {
        double v[DIM] = {0}, w[DIM], size = 0, largest = 0;
        v[k] = v[0] = 1;
        for (int step = 0; step < POWER; step++) {
            size = 0;
            for (int i = 0; i < DIM; i++) {
                w[i] = 0;
                for (int j = 0; j < DIM; j++)
                    w[i] += c[i][j] * v[j];
                size += w[i] * w[i];
            }
            for (int i = 0; i < DIM; i++)
                v[i] = w[i] / sqrt(size);
        }
        for (int i = 0; i < DIM; i++) {
            largest = fabs(v[i]) > fabs(largest) ? v[i] : largest;
            for (int j = 0; j < DIM; j++)
                c[i][j] -= sqrt(size) * v[i] * v[j];
        }
        ck_assert_double_eq_tol(share[k], sqrt(size) / all, 50 * FLT_EPSILON);
        for (int r = 0; r < ROWS; r++) {
            double want = 0;
            for (int i = 0; i < DIM; i++)
                want += (x[r * DIM + i] - mean[i]) * v[i] * (largest < 0 ? -1 : 1);
            ck_assert_double_eq_tol(out[r * K + k], want, 2000 * FLT_EPSILON * sqrt(DIM));
        }
    }
    clr_free(x);
    clr_free(out);
}
END_TEST

/* p: symmetric, of sum 1, and that of the wanted perplexity among all rows; the gradient: the derivative of KL. */
START_TEST(gradient)
{
    enum { ROWS = 61, DIM = 5, STRIDE = 64 };
    const double perplexity = 20; /* 3 * 20 neighbours: all others */
    float *x = clouds(ROWS, DIM, 2, 3), y[2 * STRIDE], *work = CLR_NEW(float, 3 * STRIDE);
    double p[ROWS][ROWS] = {{0}}, got[2 * ROWS], z = 0, q[ROWS][ROWS], sum = 0;
    clr_tsne_pairs pairs;

    clr_tsne_pairs_of(x, ROWS, DIM, perplexity, &pairs);
    for (int i = 0; i < ROWS; i++) {
        double d[ROWS], low = 0, high = 1e6, b = 1, total = 0, least = INFINITY;
        for (int j = 0; j < ROWS; j++) {
            d[j] = 0;
            for (int l = 0; l < DIM; l++)
                d[j] += pow((double)x[i * DIM + l] - x[j * DIM + l], 2);
            least = i != j ? fmin(least, d[j]) : least;
        }
        for (int step = 0; step < 200; step++, b = (low + high) / 2) {
            double weighted = 0;
            total = 0;
            for (int j = 0; j < ROWS; j++)
                if (j != i) {
                    total += exp(-b * (d[j] - least));
                    weighted += exp(-b * (d[j] - least)) * b * (d[j] - least);
                }
            *(log(fmax(total, DBL_MIN)) + weighted / total > log(perplexity) ? &low : &high) = b;
        }
        b = low;
        for (int j = 0; j < ROWS; j++)
            if (j != i) {
                p[i][j] += exp(-b * (d[j] - least)) / total / (2 * ROWS);
                p[j][i] += exp(-b * (d[j] - least)) / total / (2 * ROWS);
            }
    }
    for (int64_t i = 0; i < ROWS; i++) {
        ck_assert_int_eq(pairs.begin[i + 1] - pairs.begin[i], ROWS - 1);
        for (int64_t l = pairs.begin[i]; l < pairs.begin[i + 1]; l++) {
            ck_assert_double_eq_tol(pairs.entry[l].p, p[i][pairs.entry[l].j], 3e-5 / ROWS);
            sum += pairs.entry[l].p;
        }
    }
    ck_assert_double_eq_tol(sum, 1, 1e-5);
    for (int i = 0; i < 2 * STRIDE; i++)
        y[i] = i % STRIDE < ROWS ? x[i % STRIDE * DIM + i / STRIDE] : 1e15f;
    ck_assert_double_gt(clr_tsne_gradient(&pairs, y, STRIDE, 3, work, got), 0);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++) {
            q[i][j] =
                i == j ? 0 : 1 / (1 + pow((double)y[i] - y[j], 2) + pow((double)y[STRIDE + i] - y[STRIDE + j], 2));
            z += q[i][j];
        }
    for (int i = 0; i < ROWS; i++)
        for (int l = 0; l < 2; l++) {
            double want = 0;
            for (int j = 0; j < ROWS; j++)
                want += 4 * (3 * p[i][j] - q[i][j] / z) * q[i][j] * ((double)y[l * STRIDE + i] - y[l * STRIDE + j]);
            ck_assert_double_eq_tol(got[2 * i + l], want, 1e-5);
        }
    clr_tsne_pairs_free(&pairs);
    clr_free(x);
    clr_free(work);
}
END_TEST

/* Clouds that are apart stay apart, and a map is a function of the rows alone. */
START_TEST(islands)
{
    enum { ROWS = 300, DIM = 20, CLOUDS = 3 };
    const clr_tsne_config config = {30, 300};
    float *x = clouds(ROWS, DIM, CLOUDS, 12), *first = CLR_NEW(float, ROWS *DIM), *y = CLR_NEW(float, 2 * ROWS),
          *again = CLR_NEW(float, 2 * ROWS);
    double divergence;
    int right = 0;

    ck_assert_int_eq(clr_pca(x, ROWS, DIM, DIM, first, NULL), CLR_OK);
    ck_assert_int_eq(clr_tsne(first, ROWS, DIM, &config, y, &divergence), CLR_OK);
    ck_assert_double_gt(divergence, 0);
    ck_assert_double_lt(divergence, 1.2);
    for (int i = 0; i < ROWS; i++) {
        double best = INFINITY;
        int nearest = -1;
        for (int j = 0; j < ROWS; j++) {
            double d = hypot((double)y[2 * i] - y[2 * j], (double)y[2 * i + 1] - y[2 * j + 1]);
            if (j != i && d < best)
                best = d, nearest = j;
        }
        right += nearest % CLOUDS == i % CLOUDS;
    }
    ck_assert_int_eq(right, ROWS);
    ck_assert_int_eq(clr_tsne(first, ROWS, DIM, &config, again, &divergence), CLR_OK);
    ck_assert_mem_eq(y, again, 2 * ROWS * sizeof *y);
    ck_assert_int_eq(clr_tsne(first, 4, 1, &config, again, &divergence), CLR_OK); /* as small as it gets */
    for (int i = 0; i < 8; i++)
        ck_assert(isfinite(again[i]));
    clr_free(x);
    clr_free(first);
    clr_free(y);
    clr_free(again);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("projection");

    tcase_add_test(cases, components);
    tcase_add_test(cases, gradient);
    tcase_add_test(cases, islands);
    return clr_test_run("projection", cases, CK_NOFORK);
}
