/* SPDX-License-Identifier: BSD-3-Clause */
/* The pools and the prologue against plain loops in double precision. A value is right to 4 eps of the sizes
   of its terms; a sum of n terms, in fp32 over 64 of them, to 64 eps of their sizes. */
#include "clr/mem.h"
#include "clr/nn.h"
#include "clr/rng.h"
#include "clr/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int n, h, w, k;
    bool relu;
} shapes[] = {{3, 8, 8, 16, true},   {2, 7, 9, 70, true},   {5, 1, 1, 3, true},
              {2, 2, 5, 130, false}, {1, 16, 15, 64, true}, {4, 5, 4, 1, false}};

typedef struct data {
    clr_pool pool;
    int p, q;
    int64_t in, out; /* floats */
    float *y, *prologue, *dout;
} data;

static float *filled(int64_t n, uint64_t salt)
{
    float *x = CLR_NEW(float, n);
    clr_rng rng = clr_rng_for(3, 0, salt, 0, 0);

    for (int64_t i = 0; i < n; i++)
        x[i] = (float)round(4 * clr_rng_normal(&rng)) / 4; /* equal values are frequent */
    return x;
}

static data make(int i)
{
    int n = shapes[i].n, h = shapes[i].h, w = shapes[i].w, k = shapes[i].k;
    data d = {.p = (h + 1) / 2, .q = (w + 1) / 2, .in = (int64_t)n * h * w * k};

    d.out = (int64_t)n * d.p * d.q * k;
    d.y = filled(d.in, 1);
    d.prologue = filled(3 * k, 2);
    d.dout = filled(d.out, 3);
    d.pool = (clr_pool){d.y, {d.prologue, d.prologue + k, shapes[i].relu}, n, h, w, k};
    return d;
}

static void drop(data *d)
{
    clr_free(d->y);
    clr_free(d->prologue);
    clr_free(d->dout);
}

/* Exact in fp32 too. */
static double shown(const data *d, int64_t i)
{
    int c = (int)(i % d->pool.k);
    double value = (double)d->pool.prologue.scale[c] * d->y[i] + d->pool.prologue.shift[c];

    return d->pool.prologue.relu && value < 0 ? 0 : value;
}

/* The place in y that the window of output i takes. */
static int64_t winner(const data *d, int64_t i)
{
    const clr_pool *a = &d->pool;
    int c = (int)(i % a->k), q = (int)(i / a->k % d->q), p = (int)(i / a->k / d->q % d->p),
        image = (int)(i / a->k / d->q / d->p);
    int64_t best = -1;

    for (int h = 2 * p - 1; h <= 2 * p + 1; h++)
        for (int w = 2 * q - 1; w <= 2 * q + 1; w++) {
            int64_t at = (((int64_t)image * a->h + h) * a->w + w) * a->k + c;
            if (h >= 0 && h < a->h && w >= 0 && w < a->w && (best < 0 || shown(d, at) > shown(d, best)))
                best = at;
        }
    return best;
}

static void close_to(double got, double want, double bound, const char *what, int64_t i)
{
    if (!(fabs(got - want) <= bound)) /* each assertion is a write to a file */
        ck_abort_msg("%s %lld: %.9g instead of %.9g", what, (long long)i, got, want);
}

START_TEST(takes_the_largest_of_a_window)
{
    data d = make(_i);
    float *out = CLR_NEW(float, d.out);

    clr_pool_max(&d.pool, out);
    for (int64_t i = 0; i < d.out; i++)
        close_to(out[i], shown(&d, winner(&d, i)), 4 * FLT_EPSILON * 8, "output", i);
    clr_free(out);
    drop(&d);
}
END_TEST

START_TEST(gives_the_gradient_to_the_winner)
{
    data d = make(_i);
    int k = d.pool.k;
    float *dy = filled(d.in, 4);
    double *want = CLR_NEW(double, d.in), *sums = CLR_NEW(double, 2 * k), *plain = CLR_NEW(double, 2 * k),
           *sizes = CLR_NEW(double, 2 * k);
    void *workspace = clr_alloc(clr_conv_sums_bytes(k), 1);
    clr_batch_norm norm = {.k = k, .mean = d.prologue + 2 * k, .sums = sums};

    for (int64_t i = 0; i < d.out; i++)
        want[winner(&d, i)] += d.dout[i];
    for (int64_t i = 0; i < d.in; i++) {
        int64_t c = i % k;
        double from_mean = d.y[i] - (double)norm.mean[c];
        want[i] = d.pool.prologue.relu && shown(&d, i) <= 0 ? 0 : want[i];
        plain[c] += want[i], plain[k + c] += want[i] * from_mean;
        sizes[c] += fabs(want[i]), sizes[k + c] += fabs(want[i] * from_mean);
    }
    clr_pool_max_backward(&d.pool, d.dout, dy, &norm, workspace);
    for (int64_t i = 0; i < d.in; i++)
        close_to(dy[i], want[i], 4 * FLT_EPSILON * 16, "gradient", i);
    for (int i = 0; i < 2 * k; i++)
        close_to(sums[i], plain[i], 64 * FLT_EPSILON * sizes[i], "sum", i);
    void *all[] = {dy, want, sums, plain, sizes, workspace};
    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
    drop(&d);
}
END_TEST

START_TEST(means_and_back)
{
    data d = make(_i);
    int n = d.pool.n, k = d.pool.k, pixels = d.pool.h * d.pool.w;
    float *h = CLR_NEW(float, (int64_t)n *k), *dx = CLR_NEW(float, d.in);

    clr_pool_mean(CLR_FP32, d.y, n, pixels, k, h);
    clr_pool_mean_backward(CLR_FP32, h, n, pixels, k, dx);
    for (int i = 0; i < n * k; i++) {
        double sum = 0, size = 0;
        for (int pixel = 0; pixel < pixels; pixel++) {
            int64_t at = ((int64_t)(i / k) * pixels + pixel) * k + i % k;
            sum += d.y[at], size += fabs(d.y[at]);
            close_to(dx[at], (double)h[i] / pixels, 2 * FLT_EPSILON * fabs(h[i]) / pixels, "gradient", at);
        }
        close_to(h[i], sum / pixels, (pixels + 2) * FLT_EPSILON * size / pixels, "mean", i);
    }
    clr_free(h);
    clr_free(dx);
    drop(&d);
}
END_TEST

START_TEST(applies_the_prologue)
{
    data d = make(_i);
    float *out = CLR_NEW(float, d.in);
    const clr_prologue nothing = {0};

    d.y[0] = NAN;
    clr_prologue_apply(d.y, &d.pool.prologue, d.in / d.pool.k, d.pool.k, out);
    ck_assert(isnan(out[0]));
    for (int64_t i = 1; i < d.in; i++)
        close_to(out[i], shown(&d, i), 4 * FLT_EPSILON * 8, "value", i);
    clr_prologue_apply(d.y, &nothing, d.in / d.pool.k, d.pool.k, out);
    ck_assert(!memcmp(d.y, out, (size_t)d.in * sizeof *out));
    clr_free(out);
    drop(&d);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("passes");
    const TTest *tests[] = {takes_the_largest_of_a_window, gives_the_gradient_to_the_winner, means_and_back,
                            applies_the_prologue};

    for (size_t i = 0; i < CLR_COUNT(tests); i++)
        tcase_add_loop_test(tcase, tests[i], 0, (int)CLR_COUNT(shapes));
    return clr_test_run("passes", tcase, CK_FORK_GETENV);
}
