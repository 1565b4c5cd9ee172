/* The online probe against sums in double: gradients 4 eps sqrt(length of the sum) of the largest, in one call and in pieces; and it
   learns classes that can be told apart. */
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/test.h"
#include "online.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VIEWS = 37, CLASSES = 5, ALL = 100 };

static clr_comm *comm;
static clr_planner *planner;
static clr_encoder *encoder;
static clr_params *params;
static int weight, features;

static void setup(void)
{
    const clr_encoder_config config = {.depth = 18, .width = 1 / 8.0, .stem = CLR_STEM_CIFAR, .size = 8, .channels = 3, .global_bn = true, .classes = CLASSES};

    ck_assert_int_eq(clr_planner_open(comm, "estimate", NULL, &planner), CLR_OK);
    ck_assert_int_eq(clr_encoder_new(comm, planner, &config, VIEWS, true, &encoder), CLR_OK);
    params = clr_encoder_params(encoder);
    clr_params_init(params, 1);
    weight = clr_encoder_online(encoder);
    features = clr_encoder_features(encoder);
    ck_assert_int_eq(weight, params->weights.entries - 2);
    ck_assert_str_eq(params->weights.entry[weight].name, "online/weight");
}

static void teardown(void)
{
    clr_encoder_free(encoder);
    clr_planner_close(planner);
}

/* Mean loss over ALL of the n views in h, its gradients (features, classes), (classes), and how many are right. */
static int reference(const float *h, const int32_t *labels, int n, double *dw, double *db)
{
    const float *w = clr_params_value(params, weight), *b = clr_params_value(params, weight + 1);
    int right = 0;

    for (int i = 0; i < n; i++) {
        double logits[CLASSES], sum = 0, most = -INFINITY;
        for (int k = 0; k < CLASSES; k++) {
            logits[k] = b[k];
            for (int f = 0; f < features; f++)
                logits[k] += (double)h[i * features + f] * w[f * CLASSES + k];
            most = fmax(most, logits[k]);
        }
        for (int k = 0; k < CLASSES; k++)
            sum += exp(logits[k] - most);
        right += logits[labels[i]] == most;
        for (int k = 0; k < CLASSES; k++) {
            double d = (exp(logits[k] - most) / sum - (k == labels[i])) / ALL;
            db[k] += d;
            for (int f = 0; f < features; f++)
                dw[f * CLASSES + k] += h[i * features + f] * d;
        }
    }
    return right;
}

static void draw(clr_online *online, int32_t *labels, clr_rng *rng)
{
    float *h = clr_online_features(online), *w = clr_params_value(params, weight), *b = clr_params_value(params, weight + 1);

    for (int i = 0; i < VIEWS * features; i++)
        h[i] = (float)fabs(clr_rng_normal(rng));
    for (int i = 0; i < features * CLASSES; i++)
        w[i] = (float)(0.1 * clr_rng_normal(rng));
    for (int k = 0; k < CLASSES; k++)
        b[k] = (float)clr_rng_normal(rng);
    for (int i = 0; i < VIEWS; i++)
        labels[i] = (int32_t)(3 * i % CLASSES);
}

START_TEST(gradients)
{
    clr_online *online = clr_online_new(encoder, VIEWS, ALL);
    clr_rng rng = clr_rng_for(5, 0, (uint64_t)_i, 0, 0);
    double *dw = CLR_NEW(double, features * CLASSES), db[CLASSES] = {0};
    int32_t labels[VIEWS];
    float *kept = CLR_NEW(float, VIEWS * features), *h = clr_online_features(online);
    int first = _i ? 11 : VIEWS;

    draw(online, labels, &rng);
    memcpy(kept, h, (size_t)(VIEWS * features) * sizeof *h);
    memset(clr_params_grad(params, weight), 0xff, (size_t)(features * CLASSES) * sizeof(float)); /* NaN: overwritten */
    memset(clr_params_grad(params, weight + 1), 0xff, CLASSES * sizeof(float));
    int want = reference(h, labels, VIEWS, dw, db);
    int64_t right = clr_online_learn(online, labels, first, true);
    memmove(h, kept + first * features, (size_t)((VIEWS - first) * features) * sizeof *h);
    right += clr_online_learn(online, labels + first, VIEWS - first, false);
    ck_assert_int_eq(right, want);
    for (int i = 0; i < features * CLASSES; i++)
        ck_assert_double_lt(fabs(clr_params_grad(params, weight)[i] - dw[i]), 4 * FLT_EPSILON * sqrt(VIEWS + features) * 4.0 / ALL);
    for (int k = 0; k < CLASSES; k++)
        ck_assert_double_lt(fabs(clr_params_grad(params, weight + 1)[k] - db[k]), 4 * FLT_EPSILON * sqrt(VIEWS + features) * 4.0 / ALL);
    clr_online_free(online);
    clr_free(dw);
    clr_free(kept);
}
END_TEST

START_TEST(nothing_to_learn_from)
{
    clr_online *online = clr_online_new(encoder, VIEWS, ALL);

    memset(clr_params_grad(params, weight), 0xff, (size_t)(features * CLASSES) * sizeof(float));
    ck_assert_int_eq(clr_online_learn(online, NULL, 0, true), 0); /* a rank without images in a piece */
    for (int i = 0; i < features * CLASSES; i++)
        ck_assert(clr_params_grad(params, weight)[i] == 0);
    clr_online_free(online);
}
END_TEST

START_TEST(learns)
{
    clr_online *online = clr_online_new(encoder, VIEWS, VIEWS);
    clr_rng rng = clr_rng_for(6, 0, 0, 0, 0);
    int32_t labels[VIEWS];
    int64_t right = 0;

    draw(online, labels, &rng);
    for (int i = 0; i < VIEWS; i++)
        clr_online_features(online)[i * features + labels[i]] += 6;
    for (int step = 0; step < 300; step++) {
        right = clr_online_learn(online, labels, VIEWS, true);
        for (int e = weight; e <= weight + 1; e++)
            for (int i = 0; i < params->weights.entry[e].count; i++)
                clr_params_value(params, e)[i] -= 0.05f * clr_params_grad(params, e)[i];
    }
    ck_assert_int_eq(right, VIEWS);
    clr_online_free(online);
}
END_TEST

int main(int argc, char **argv)
{
    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    TCase *tcase = tcase_create("online");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, gradients, 0, 2);
    tcase_add_test(tcase, nothing_to_learn_from);
    tcase_add_test(tcase, learns);
    int status = clr_test_run("online", tcase, CK_NOFORK);
    clr_comm_stop(comm);
    return status;
}
