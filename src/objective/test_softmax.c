/* SPDX-License-Identifier: BSD-3-Clause */
/* Softmax cross-entropy against sums in double: loss, gradients of W, b and x, in one call and in pieces. A gradient
   is a sum of at most ROWS + DIM products of magnitude below 4 / TOTAL: its bound is 4 eps sqrt(ROWS + DIM) times that.
   And it learns classes that can be told apart. */
#include "clr/mem.h"
#include "clr/objective.h"
#include "clr/rng.h"
#include "clr/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 37, DIM = 64, CLASSES = 5, TOTAL = 100 };

static clr_params params;
static clr_objective *objective;
static float x[ROWS * DIM];
static int32_t labels[ROWS];

static void open_softmax(int64_t total)
{
    const clr_softmax_config config = {"probe", DIM, CLASSES, ROWS, total, true};

    objective = clr_softmax_new(&params, &config);
    clr_params_open(&params);
    clr_params_init(&params, 1);
    ck_assert_str_eq(params.weights.entry[0].name, "probe/weight");
    ck_assert_str_eq(params.weights.entry[1].name, "probe/bias");
    ck_assert(params.weights.entry[0].not_in_norm && params.weights.entry[0].no_decay);
}

static void teardown(void)
{
    clr_objective_free(objective);
    clr_params_close(&params);
    objective = NULL;
}

typedef struct truth {
    double loss, dw[DIM * CLASSES], db[CLASSES], dx[ROWS * DIM];
    int right;
} truth;

static void reference(truth *t)
{
    const float *w = clr_params_value(&params, 0), *b = clr_params_value(&params, 1);

    memset(t, 0, sizeof *t);
    for (int i = 0; i < ROWS; i++) {
        double logits[CLASSES], sum = 0, most = -INFINITY;
        for (int k = 0; k < CLASSES; k++) {
            logits[k] = b[k];
            for (int f = 0; f < DIM; f++)
                logits[k] += (double)x[i * DIM + f] * w[f * CLASSES + k];
            most = fmax(most, logits[k]);
        }
        for (int k = 0; k < CLASSES; k++)
            sum += exp(logits[k] - most);
        t->right += logits[labels[i]] == most;
        t->loss += (log(sum) + most - logits[labels[i]]) / TOTAL;
        for (int k = 0; k < CLASSES; k++) {
            double d = (exp(logits[k] - most) / sum - (k == labels[i])) / TOTAL;
            t->db[k] += d;
            for (int f = 0; f < DIM; f++) {
                t->dw[f * CLASSES + k] += x[i * DIM + f] * d;
                t->dx[i * DIM + f] += d * w[f * CLASSES + k];
            }
        }
    }
}

static void draw(clr_rng *rng)
{
    float *w = clr_params_value(&params, 0), *b = clr_params_value(&params, 1);

    for (int i = 0; i < ROWS * DIM; i++)
        x[i] = (float)fabs(clr_rng_normal(rng));
    for (int i = 0; i < DIM * CLASSES; i++)
        w[i] = (float)(0.1 * clr_rng_normal(rng));
    for (int k = 0; k < CLASSES; k++)
        b[k] = (float)clr_rng_normal(rng);
    for (int i = 0; i < ROWS; i++)
        labels[i] = (int32_t)(3 * i % CLASSES);
}

static void compare(const char *what, const float *got, const double *want, int n)
{
    for (int i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) < 4 * FLT_EPSILON * sqrt(ROWS + DIM) * 4.0 / TOTAL))
            ck_abort_msg("%s[%d] is %g, not %g", what, i, (double)got[i], want[i]);
}

START_TEST(gradients)
{
    clr_rng rng = clr_rng_for(5, 0, (uint64_t)_i, 0, 0);
    int cut = _i ? 11 : ROWS;
    static float dx[ROWS * DIM];
    static truth t;
    clr_objective_result one, two;

    open_softmax(TOTAL);
    draw(&rng);
    memset(dx, 0xff, sizeof dx); /* NaN: overwritten */
    for (int e = 0; e < 2; e++)
        memset(clr_params_grad(&params, e), 0xff, (size_t)params.weights.entry[e].count * sizeof(float));
    reference(&t);
    const clr_objective_rows first = {x, labels, cut, true}, rest = {x + cut * DIM, labels + cut, ROWS - cut, false};
    ck_assert_int_eq(clr_objective_apply(objective, &first, dx, &one), CLR_OK);
    ck_assert_int_eq(clr_objective_apply(objective, &rest, dx + cut * DIM, &two), CLR_OK);
    ck_assert_int_eq(one.right + two.right, t.right);
    ck_assert_double_lt(fabs(one.loss + two.loss - t.loss), 4 * FLT_EPSILON * sqrt(DIM) * t.loss);
    compare("dW", clr_params_grad(&params, 0), t.dw, DIM * CLASSES);
    compare("db", clr_params_grad(&params, 1), t.db, CLASSES);
    compare("dx", dx, t.dx, ROWS * DIM);
}
END_TEST

START_TEST(nothing_to_learn_from)
{
    const clr_objective_rows none = {NULL, NULL, 0, true};
    clr_objective_result result;

    open_softmax(TOTAL);
    memset(clr_params_grad(&params, 0), 0xff, DIM * CLASSES * sizeof(float));
    ck_assert_int_eq(clr_objective_apply(objective, &none, NULL, &result),
                     CLR_OK); /* a rank without images in a piece */
    ck_assert(result.right == 0 && result.loss == 0);
    for (int i = 0; i < DIM * CLASSES; i++)
        ck_assert(clr_params_grad(&params, 0)[i] == 0);
}
END_TEST

START_TEST(learns)
{
    clr_rng rng = clr_rng_for(6, 0, 0, 0, 0);
    clr_objective_result result;

    open_softmax(ROWS);
    draw(&rng);
    for (int i = 0; i < ROWS; i++)
        x[i * DIM + labels[i]] += 6;
    const clr_objective_rows rows = {x, labels, ROWS, true};
    for (int step = 0; step < 300; step++) {
        clr_objective_apply(objective, &rows, NULL, &result);
        for (int e = 0; e < 2; e++)
            for (int i = 0; i < params.weights.entry[e].count; i++)
                clr_params_value(&params, e)[i] -= 0.05f * clr_params_grad(&params, e)[i];
    }
    ck_assert_int_eq(result.right, ROWS);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("softmax");

    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_loop_test(tcase, gradients, 0, 2);
    tcase_add_test(tcase, nothing_to_learn_from);
    tcase_add_test(tcase, learns);
    return clr_test_run("softmax", tcase, CK_FORK);
}
