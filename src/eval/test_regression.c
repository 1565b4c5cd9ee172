/* SPDX-License-Identifier: BSD-3-Clause */
/* Softmax regression: value and gradient against plain double precision, the minimum against Newton's method, on any
   number of ranks. */
#include "precondition.h"

#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 331, DIM = 7, CLASSES = 5, N = (DIM + 1) * CLASSES };

static clr_comm *comm;

/* Clouds that overlap, of features of different sizes; one never moves. */
static clr_features cloud(int64_t rows, uint64_t seed)
{
    clr_features f = {rows, DIM, CLR_NEW(float, rows *DIM), NULL, CLASSES};
    int32_t *labels = CLR_NEW(int32_t, rows);

    for (int64_t r = 0; r < rows; r++) {
        labels[r] = (int32_t)(r * 3 % CLASSES);
        clr_rng rng = clr_rng_for(seed, 0, (uint64_t)r, 0, CLR_RNG_PROBE),
                centre = clr_rng_for(77, 0, (uint64_t)labels[r], 0, 0);
        for (int i = 0; i < DIM; i++)
            f.h[r * DIM + i] =
                i == 2 ? 1.5f : (float)((clr_rng_normal(&centre) + 1.5 * clr_rng_normal(&rng)) * pow(2, i - 3) + i);
    }
    f.labels = labels;
    return f;
}

static void drop(clr_features *f)
{
    clr_free((void *)(uintptr_t)f->labels);
    clr_free(f->h);
}

/* Sum of losses + l2 / 2 |W|^2 for w (DIM + 1, CLASSES) on raw features; probabilities into p (rows, CLASSES). */
static double plain(const clr_features *f, const double *w, double l2, double *p)
{
    double total = 0;

    for (int64_t r = 0; r < f->rows; r++) {
        double *q = p + r * CLASSES, sum = 0, own;
        for (int k = 0; k < CLASSES; k++) {
            q[k] = w[DIM * CLASSES + k];
            for (int i = 0; i < DIM; i++)
                q[k] += f->h[r * DIM + i] * w[i * CLASSES + k];
        }
        own = q[f->labels[r]];
        for (int k = 0; k < CLASSES; k++)
            sum += q[k] = exp(q[k]);
        for (int k = 0; k < CLASSES; k++)
            q[k] /= sum;
        total += log(sum) - own;
    }
    for (int i = 0; i < DIM * CLASSES; i++)
        total += l2 / 2 * w[i] * w[i];
    return total;
}

static double feature(const clr_features *f, int64_t r, int i)
{
    return i < DIM ? f->h[r * DIM + i] : 1;
}

static void plain_gradient(const clr_features *f, const double *w, double l2, const double *p, double *g)
{
    for (int i = 0; i <= DIM; i++)
        for (int k = 0; k < CLASSES; k++) {
            double sum = i < DIM ? l2 * w[i * CLASSES + k] : 0;
            for (int64_t r = 0; r < f->rows; r++)
                sum += feature(f, r, i) * (p[r * CLASSES + k] - (f->labels[r] == k));
            g[i * CLASSES + k] = sum;
        }
}

/* x = a^-1 x, by Gaussian elimination with pivots. */
static void solve(double a[N][N], double *x)
{
    for (int c = 0; c < N; c++) {
        int pivot = c;
        for (int r = c + 1; r < N; r++)
            pivot = fabs(a[r][c]) > fabs(a[pivot][c]) ? r : pivot;
        for (int j = 0; j < N; j++) {
            double t = a[c][j];
            a[c][j] = a[pivot][j], a[pivot][j] = t;
        }
        double t = x[c];
        x[c] = x[pivot], x[pivot] = t;
        for (int r = c + 1; r < N; r++) {
            double factor = a[r][c] / a[c][c];
            for (int j = c; j < N; j++)
                a[r][j] -= factor * a[c][j];
            x[r] -= factor * x[c];
        }
    }
    for (int c = N - 1; c >= 0; c--) {
        for (int j = c + 1; j < N; j++)
            x[c] -= a[c][j] * x[j];
        x[c] /= a[c][c];
    }
}

/* The minimum, by Newton's method with halved steps; a tiny diagonal because a constant may be added to all biases. */
static double newton(const clr_features *f, double l2, double *w)
{
    static double hessian[N][N];
    double *p = CLR_NEW(double, f->rows *CLASSES), g[N], tried[N];

    memset(w, 0, N * sizeof *w);
    double value = plain(f, w, l2, p);
    for (int step = 0; step < 60; step++) {
        plain_gradient(f, w, l2, p, g);
        for (int a = 0; a < N; a++)
            for (int b = 0; b < N; b++) {
                int k = a % CLASSES, m = b % CLASSES;
                hessian[a][b] = a == b ? (a < DIM * CLASSES ? l2 : 0) + 1e-9 : 0;
                for (int64_t r = 0; r < f->rows; r++)
                    hessian[a][b] += feature(f, r, a / CLASSES) * feature(f, r, b / CLASSES) * p[r * CLASSES + k] *
                                     ((k == m) - p[r * CLASSES + m]);
            }
        solve(hessian, g);
        double lower = value, share = 1;
        for (; share > 1e-6 && !(lower < value); share /= 2) {
            for (int i = 0; i < N; i++)
                tried[i] = w[i] - share * g[i];
            lower = plain(f, tried, l2, p);
        }
        if (!(lower < value))
            break;
        memcpy(w, tried, sizeof tried);
        value = plain(f, w, l2, p);
    }
    value = plain(f, w, l2, p);
    clr_free(p);
    return value;
}

/* V of standardised rows -> W and bias of raw rows. */
static void to_raw(const clr_linear *l, const double *v, double *w)
{
    memcpy(w + DIM * CLASSES, v + DIM * CLASSES, CLASSES * sizeof *w);
    for (int i = 0; i < DIM; i++)
        for (int k = 0; k < CLASSES; k++) {
            w[i * CLASSES + k] = v[i * CLASSES + k] * l->inverse[i];
            w[DIM * CLASSES + k] -= w[i * CLASSES + k] * l->mean[i];
        }
}

START_TEST(value_and_gradient)
{
    clr_features f = cloud(ROWS, 1);
    clr_regression r;
    double v[N], w[N], g[N], want[N], *p = CLR_NEW(double, ROWS *CLASSES), distance = 0, size = 0;
    int64_t *rows = CLR_NEW(int64_t, ROWS);
    clr_rng rng = clr_rng_for(5, 0, 0, 0, CLR_RNG_PROBE);

    for (int i = 0; i < ROWS; i++)
        rows[i] = ROWS - 1 - i;
    for (int i = 0; i < N; i++)
        v[i] = (float)clr_rng_normal(&rng);
    clr_regression_open(comm, &f, &r);
    r.rows = rows, r.n = ROWS, r.l2 = 0.7;
    double value = clr_regression_value(&r, v, g) * ROWS;
    to_raw(&r.linear, v, w);
    double truth = plain(&f, w, r.l2, p);
    ck_assert_double_le(fabs(value - truth), 8 * FLT_EPSILON * sqrt(DIM + 1) * truth);
    plain_gradient(&f, w, r.l2, p, want);
    for (int i = 0; i < N; i++) { /* by V: d/dV = inverse (d/dW - mean d/db) */
        int d = i / CLASSES, k = i % CLASSES;
        double by_v = d < DIM ? r.linear.inverse[d] * (want[i] - r.linear.mean[d] * want[DIM * CLASSES + k]) : want[i];
        distance += (g[i] * ROWS - by_v) * (g[i] * ROWS - by_v);
        size += by_v * by_v;
    }
    ck_assert_double_le(sqrt(distance), 8 * FLT_EPSILON * sqrt(ROWS) * sqrt(size));
    clr_regression_free(&r);
    clr_free(rows);
    clr_free(p);
    drop(&f);
}
END_TEST

/* L L^T against M in double precision, beyond a block of the factorisation; V to U and back; the gradient by U is L^-1
   times that by V. */
START_TEST(precondition)
{
    enum { WIDE = 300, MANY = 700, K = 3 };
    clr_features f = {MANY, WIDE, CLR_NEW(float, MANY *WIDE), NULL, K};
    int32_t *labels = CLR_NEW(int32_t, MANY);
    int64_t *rows = CLR_NEW(int64_t, MANY);
    clr_regression r;
    clr_precondition c;
    clr_rng rng = clr_rng_for(6, 0, 0, 0, CLR_RNG_PROBE);
    double error = 0, size = 0, diagonal = 0, *m = CLR_NEW(double, WIDE *WIDE), *v = CLR_NEW(double, (WIDE + 1) * K),
           *u = CLR_NEW(double, (WIDE + 1) * K);
    float *x = CLR_NEW(float, WIDE + 1);

    for (int64_t i = 0; i < MANY; i++) {
        double shared = clr_rng_normal(&rng);
        labels[i] = (int32_t)(i % K), rows[i] = MANY - 1 - i;
        for (int j = 0; j < WIDE; j++)
            f.h[i * WIDE + j] = (float)(shared + clr_rng_normal(&rng));
    }
    f.labels = labels;
    clr_regression_open(comm, &f, &r);
    r.rows = rows, r.n = MANY, r.l2 = 50;
    clr_precondition_open(&r, &c);
    clr_precondition_set(&r, &c);
    for (int64_t i = 0; i < MANY; i++) {
        clr_linear_standardise_row(&r.linear, f.h + i * WIDE, x);
        for (int a = 0; a < WIDE; a++)
            for (int b = 0; b <= a; b++)
                m[a * WIDE + b] += (K - 1.0) / (K * K) * x[a] * x[b] / MANY;
    }
    for (int a = 0; a < WIDE; a++) {
        m[a * WIDE + a] += 50 * pow(r.linear.inverse[a], 2) / MANY;
        diagonal += m[a * WIDE + a] / WIDE;
    }
    for (int a = 0; a < WIDE; a++)
        for (int b = 0; b <= a; b++) {
            double product = 0, want = m[a * WIDE + b] + (a == b ? 1e-5 * diagonal : 0);
            for (int l = 0; l <= b; l++)
                product += (double)c.factor[a * WIDE + l] * c.factor[b * WIDE + l];
            error += (product - want) * (product - want);
            size += want * want;
        }
    ck_assert_double_le(sqrt(error), 8 * FLT_EPSILON * sqrt(MANY) * sqrt(size));
    for (int i = 0; i < (WIDE + 1) * K; i++)
        u[i] = v[i] = clr_rng_normal(&rng);
    clr_precondition_to_u(&c, u);
    for (int a = 0; a < WIDE; a++)
        for (int k = 0; k < K; k++) {
            double want = 0;
            for (int b = a; b < WIDE; b++)
                want += c.factor[b * WIDE + a] * v[b * K + k];
            ck_assert_double_le(fabs(u[a * K + k] - want), 1e-12 * WIDE);
        }
    clr_precondition_to_v(&c, u);
    for (int i = 0; i < (WIDE + 1) * K; i++)
        ck_assert_double_le(fabs(u[i] - v[i]), 1e-8 * (1 + fabs(v[i])));
    memcpy(u, v, (WIDE + 1) * K * sizeof *u);
    clr_precondition_gradient(&c, u);
    for (int a = 0; a < WIDE; a++)
        for (int k = 0; k < K; k++) {
            double back = 0;
            for (int b = 0; b <= a; b++)
                back += c.factor[a * WIDE + b] * u[b * K + k];
            ck_assert_double_le(fabs(back - v[a * K + k]), 1e-8 * (1 + fabs(v[a * K + k])));
        }
    clr_precondition_free(&c);
    clr_regression_free(&r);
    clr_free(x);
    clr_free(u);
    clr_free(v);
    clr_free(m);
    clr_free(rows);
    drop(&f);
}
END_TEST

/* Fewer rows than features, which are smooth, and hardly a penalty: M is singular, and its factor finite all the
   same. More is added to the diagonal then, and nothing elsewhere. */
START_TEST(precondition_of_few_rows)
{
    enum { WIDE = 400, FEW = 64, K = 10 };
    clr_features f = {FEW, WIDE, CLR_NEW(float, FEW *WIDE), NULL, K};
    int32_t *labels = CLR_NEW(int32_t, FEW);
    int64_t *rows = CLR_NEW(int64_t, FEW);
    clr_regression r;
    clr_precondition c;
    clr_rng rng = clr_rng_for(7, 0, 0, 0, CLR_RNG_PROBE);
    double error = 0, size = 0;
    float *x = CLR_NEW(float, FEW *(WIDE + 1));

    for (int64_t i = 0; i < FEW; i++) {
        double level = 0, slope = 0;
        labels[i] = (int32_t)(i % K), rows[i] = i;
        for (int j = 0; j < WIDE; j++) { /* smooth, as pixels are */
            slope = 0.9 * slope + 0.1 * clr_rng_normal(&rng);
            level = 0.9 * level + slope;
            f.h[i * WIDE + j] = (float)level;
        }
    }
    f.labels = labels;
    clr_regression_open(comm, &f, &r);
    r.rows = rows, r.n = FEW, r.l2 = 1e-6;
    clr_precondition_open(&r, &c);
    clr_precondition_set(&r, &c);
    for (int64_t i = 0; i < FEW; i++)
        clr_linear_standardise_row(&r.linear, f.h + i * WIDE, x + i * (WIDE + 1));
    for (int a = 0; a < WIDE; a++)
        for (int b = 0; b < a; b++) {
            double product = 0, want = 0;
            for (int64_t i = 0; i < FEW; i++)
                want += (K - 1.0) / (K * K) * x[i * (WIDE + 1) + a] * x[i * (WIDE + 1) + b] / FEW;
            for (int l = 0; l <= b; l++)
                product += (double)c.factor[a * WIDE + l] * c.factor[b * WIDE + l];
            error += (product - want) * (product - want);
            size += want * want;
        }
    ck_assert(isfinite(error));
    ck_assert_double_le(sqrt(error), 8 * FLT_EPSILON * sqrt(WIDE) * sqrt(size));
    for (int a = 0; a < WIDE; a++)
        ck_assert_double_gt(c.factor[a * WIDE + a], 0);
    clr_precondition_free(&c);
    clr_regression_free(&r);
    clr_free(x);
    clr_free(rows);
    clr_free(labels);
    clr_free(f.h);
}
END_TEST

#ifdef HAVE_LBFGS
START_TEST(minimum)
{
    static const double strengths[] = {1e-3, 1, 300};
    clr_features f = cloud(ROWS, 1), t = cloud(ROWS, 2);
    const clr_lbfgs_config config = {strengths[_i], strengths[_i], 1, 5000, 1};
    clr_lbfgs_result result;
    double w[N];

    ck_assert_msg(clr_lbfgs_probe(comm, &f, &t, &config, &result) == CLR_OK, "%s", clr_message());
    double truth = newton(&f, strengths[_i], w) / ROWS;
    ck_assert_double_le(fabs(result.loss - truth), 1e-6 * truth);
    int64_t right = 0;
    for (int64_t r = 0; r < ROWS; r++) {
        double best = -INFINITY;
        int of = 0;
        for (int k = 0; k < CLASSES; k++) {
            double s = w[DIM * CLASSES + k];
            for (int i = 0; i < DIM; i++)
                s += t.h[r * DIM + i] * w[i * CLASSES + k];
            if (s > best)
                best = s, of = k;
        }
        right += of == t.labels[r];
    }
    ck_assert_double_le(fabs(result.test.top1 - 100.0 * (double)right / ROWS),
                        100.01 / ROWS); /* one row on the border */
    drop(&f);
    drop(&t);
}
END_TEST

/* Of strengths that shrink everything to nothing and one that fits, the one that fits is chosen. */
START_TEST(choice)
{
    clr_features f = cloud(ROWS, 1), t = cloud(ROWS, 2);
    const clr_lbfgs_config config = {1, 1e12, 3, 1000, 1};
    clr_lbfgs_result result;

    ck_assert_int_eq(clr_lbfgs_probe(comm, &f, &t, &config, &result), CLR_OK);
    ck_assert_double_eq(result.l2, 1);
    ck_assert_double_gt(result.validation, 30);
    ck_assert_int_eq(clr_lbfgs_probe(comm, &f, &t, &(clr_lbfgs_config){1, 0.5, 3, 10, 1}, &result), CLR_EUSAGE);
    drop(&f);
    drop(&t);
}
END_TEST
#endif

int main(int argc, char **argv)
{
    TCase *cases = tcase_create("regression");

    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    tcase_add_test(cases, value_and_gradient);
    tcase_add_test(cases, precondition);
    tcase_add_test(cases, precondition_of_few_rows);
#ifdef HAVE_LBFGS
    tcase_add_loop_test(cases, minimum, 0, 3);
    tcase_add_test(cases, choice);
#endif
    int status = clr_test_run("regression", cases, CK_NOFORK);
    clr_comm_stop(comm);
    return status;
}
