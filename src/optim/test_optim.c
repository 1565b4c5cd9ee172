/* SPDX-License-Identifier: BSD-3-Clause */
/* Optimizers against plain double-precision references over several steps, and cases computed by hand. */
#include "clr/mem.h"
#include "clr/optim.h"
#include "clr/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 40000, STEPS = 7 };

/* A matrix of several chunks, an undecayed vector, a matrix that starts at zero, one value. */
static const struct {
    int64_t count;
    bool undecayed;
} shape[] = {{LARGE, false}, {37, true}, {100, false}, {1, false}};

static clr_params params;

static void open_params(void)
{
    memset(&params, 0, sizeof params);
    clr_table *table = &params.weights;
    table->entry = CLR_NEW(clr_entry, CLR_COUNT(shape));
    for (size_t e = 0; e < CLR_COUNT(shape); e++) {
        table->entry[e] = (clr_entry){.count = shape[e].count,
                                      .offset = table->floats,
                                      .no_decay = shape[e].undecayed,
                                      .no_adaptation = shape[e].undecayed};
        table->floats += (shape[e].count + 15) / 16 * 16;
        table->entries++;
    }
    params.value = CLR_NEW(float, table->floats);
    params.grad = CLR_NEW(float, table->floats);
}

static void close_params(void)
{
    clr_free(params.weights.entry);
    clr_free(params.value);
    clr_free(params.grad);
}

static double random_value(uint64_t i, uint64_t step)
{
    clr_rng rng = clr_rng_for(5, step, i, 0, CLR_RNG_BENCH);
    return clr_rng_normal(&rng);
}

/* The same mathematics for one entry, in double. */
static void reference(int kind, const clr_optim_config *config, double lr, int64_t step, int64_t n, bool undecayed,
                      double *w, const float *g, double *a, double *b)
{
    double wd = undecayed ? 0 : config->weight_decay, m = config->momentum, ww = 0, gg = 0, trust = 1;

    for (int64_t k = 0; k < n; k++) {
        ww += w[k] * w[k];
        gg += (g[k] + wd * w[k]) * (g[k] + wd * w[k]);
    }
    if (!undecayed && ww > 0 && gg > 0)
        trust = 0.001 * sqrt(ww) / sqrt(gg);
    for (int64_t k = 0; k < n; k++) {
        if (kind == 0) {
            a[k] = m * a[k] + lr * trust * (g[k] + wd * w[k]);
            w[k] -= a[k];
        } else if (kind == 1) {
            a[k] = m * a[k] + g[k] + wd * w[k];
            w[k] -= lr * a[k];
        } else if (kind == 2) {
            double grad = g[k] + wd * w[k];
            a[k] = m * a[k] + grad;
            w[k] -= lr * (grad + m * a[k]);
        } else {
            a[k] = m * a[k] + (1 - m) * g[k];
            b[k] = 0.999 * b[k] + 0.001 * g[k] * g[k];
            double first = a[k] / (1 - pow(m, (double)step + 1)), second = b[k] / (1 - pow(0.999, (double)step + 1));
            w[k] -= lr * (first / (sqrt(second) + 1e-8) + wd * w[k]);
        }
    }
}

START_TEST(follows_the_reference)
{
    clr_optim_config config = {.kind = _i, .momentum = 0.9, .weight_decay = 0.02};
    double *w = NULL, *a = NULL, *b = NULL, scale = 0, difference = 0;

    open_params();
    int64_t n = params.weights.floats;
    w = CLR_NEW(double, n), a = CLR_NEW(double, n), b = CLR_NEW(double, n);
    for (int e = 0; e < params.weights.entries; e++)
        for (int64_t k = 0; k < shape[e].count && e != 2; k++)
            w[params.weights.entry[e].offset + k] = clr_params_value(&params, e)[k] =
                (float)random_value((uint64_t)k, 99 + (uint64_t)e);
    clr_optim *optim = clr_optim_new(&config, &params);
    for (int step = 0; step < STEPS; step++) {
        double lr = 0.5 / (1 + step);
        for (int e = 0; e < params.weights.entries; e++) {
            int64_t at = params.weights.entry[e].offset;
            for (int64_t k = 0; k < shape[e].count; k++)
                params.grad[at + k] = (float)random_value((uint64_t)(at + k), (uint64_t)step);
            reference(_i, &config, lr, step, shape[e].count, shape[e].undecayed, w + at, params.grad + at, a + at,
                      b + at);
        }
        clr_optim_step(optim, lr, step);
    }
    for (int64_t k = 0; k < n; k++) {
        scale += w[k] * w[k];
        difference += (params.value[k] - w[k]) * (params.value[k] - w[k]);
    }
    ck_assert(scale > 1);
    ck_assert_double_le(sqrt(difference / scale), 4 * 0x1p-24 * sqrt(STEPS));
    const double *slots[] = {a, b};
    for (int s = 0; s < clr_optim_slots(optim); s++) {
        scale = difference = 0;
        for (int64_t k = 0; k < n; k++) {
            scale += slots[s][k] * slots[s][k];
            difference += pow(clr_optim_slot(optim, s)[k] - slots[s][k], 2);
        }
        ck_assert(scale > 0);
        ck_assert_double_le(sqrt(difference / scale), 4 * 0x1p-24 * sqrt(STEPS));
    }
    clr_optim_free(optim);
    clr_free(w);
    clr_free(a);
    clr_free(b);
    close_params();
}
END_TEST

/* w = (3, 4), g = (0, 0.5): |w| = 5, |g| = 0.5, trust = 0.01; lr 2: v = (0, 0.01), then g = 0 (decay 0): trust 1, v
   = (0, 0.009). */
START_TEST(lars_by_hand)
{
    clr_optim_config config = {.kind = 0, .momentum = 0.9};
    float value[16] = {3, 4}, grad[16] = {0, 0.5f};
    clr_entry entry = {.count = 2};
    clr_params small = {.weights = {&entry, 1, 16}, .value = value, .grad = grad};
    clr_optim *optim = clr_optim_new(&config, &small);

    clr_optim_step(optim, 2, 0);
    ck_assert_float_eq_tol(value[1], 3.99f, 1e-6f);
    grad[1] = 0;
    clr_optim_step(optim, 2, 1);
    ck_assert_float_eq_tol(value[1], 3.981f, 1e-6f);
    ck_assert_float_eq(value[0], 3);
    clr_optim_free(optim);
}
END_TEST

/* A weight of norm 0 moves with trust 1, an undecayed one too and is not decayed. */
START_TEST(lars_zero_norm_and_exempt)
{
    for (int undecayed = 0; undecayed < 2; undecayed++) {
        clr_optim_config config = {.kind = 0, .momentum = 0.9, .weight_decay = 0.5};
        float value[16] = {undecayed ? 7.0f : 0.0f}, grad[16] = {0.25f};
        clr_entry entry = {.count = 1, .no_decay = undecayed, .no_adaptation = undecayed};
        clr_params small = {.weights = {&entry, 1, 16}, .value = value, .grad = grad};
        clr_optim *optim = clr_optim_new(&config, &small);
        clr_optim_step(optim, 2, 0);
        ck_assert_float_eq_tol(value[0], undecayed ? 6.5f : -0.5f, 1e-6f);
        clr_optim_free(optim);
    }
}
END_TEST

START_TEST(schedule_of_the_paper)
{
    clr_schedule s = clr_schedule_of(&(clr_schedule_config){0.3, CLR_LR_LINEAR, 10}, 4096, 1281167, 31279);

    ck_assert_double_eq_tol(s.peak, 4.8, 1e-12);
    ck_assert_int_eq(s.warmup, 3127);
    ck_assert_double_eq(clr_schedule_at(&s, 0), 0);
    ck_assert_double_eq_tol(clr_schedule_at(&s, 1), 4.8 / 3127, 1e-12);
    ck_assert_double_eq_tol(clr_schedule_at(&s, 3127), 4.8, 1e-12);
    ck_assert_double_eq_tol(clr_schedule_at(&s, 3127 + (31279 - 3127) / 2), 2.4, 1e-9);
    ck_assert_double_eq(clr_schedule_at(&s, 31279), 0);
    ck_assert_double_eq(clr_schedule_at(&s, 40000), 0);
    s = clr_schedule_of(&(clr_schedule_config){0.075, CLR_LR_SQRT, 0}, 4096, 1281167, 100);
    ck_assert_double_eq_tol(s.peak, 4.8, 1e-12);
    ck_assert_double_eq_tol(clr_schedule_at(&s, 0), 4.8, 1e-12);
    s = clr_schedule_of(&(clr_schedule_config){1, CLR_LR_LINEAR, 5}, 256, 1000, 4); /* stops within the warm-up */
    ck_assert_double_eq_tol(clr_schedule_at(&s, 3), 3.0 / 19, 1e-12);
}
END_TEST

/* Every rate of every kind against its formula; a restart is a run of its own from there. */
START_TEST(schedules)
{
    enum { TOTAL = 60, WARM = 5 };
    clr_schedule_config config = {.base = 3, .scaling = CLR_LR_NONE, .warmup_epochs = WARM};
    const char *const texts[] = {"cosine", "cosine:20,33", "constant", "constant+decay", "constant+decay:0.5"};
    clr_schedule s[CLR_COUNT(texts)], part[3];
    const int64_t start[] = {0, 20, 33, TOTAL};

    for (size_t i = 0; i < CLR_COUNT(texts); i++) {
        ck_assert_int_eq(clr_schedule_parse(texts[i], &config.shape), CLR_OK);
        s[i] = clr_schedule_of(&config, 100, 100, TOTAL);
        ck_assert_double_eq(clr_schedule_at(&s[i], TOTAL), 0);
    }
    ck_assert_int_eq(s[0].warmup, WARM);
    clr_schedule_parse("cosine", &config.shape);
    for (int k = 0; k < 3; k++)
        part[k] = clr_schedule_of(&config, 100, 100, start[k + 1] - start[k]);
    for (int64_t t = 0; t < TOTAL; t++) {
        int k = t < 20 ? 0 : t < 33 ? 1 : 2;
        double warm = t < WARM ? 3.0 * (double)t / WARM : 3, left = (double)(TOTAL - t);
        double cosine = 1.5 * (1 + cos(acos(-1.0) * (double)(t - WARM) / (TOTAL - WARM)));
        ck_assert_double_eq_tol(clr_schedule_at(&s[0], t), t < WARM ? warm : cosine, 1e-14);
        ck_assert_double_eq(clr_schedule_at(&s[1], t), clr_schedule_at(&part[k], t - start[k]));
        ck_assert_double_eq(clr_schedule_at(&s[2], t), warm);
        ck_assert_double_eq_tol(clr_schedule_at(&s[3], t), t < 48 ? warm : 3 * left / 12, 1e-14);
        ck_assert_double_eq_tol(clr_schedule_at(&s[4], t), t < 30 ? warm : 3 * left / 30, 1e-14);
    }
    ck_assert(clr_schedule_same(&s[2], &s[3], 49) && !clr_schedule_same(&s[2], &s[3], 50));
    ck_assert(clr_schedule_same(&s[1], &part[0], 20) && !clr_schedule_same(&s[1], &s[0], 20));
    ck_assert_double_eq_tol(clr_schedule_sum(&s[2]), 3.0 * (TOTAL - WARM) + 3.0 * (WARM - 1) / 2, 1e-11);
}
END_TEST

START_TEST(gradient_norm)
{
    open_params();
    double sum = 0;
    for (int e = 0; e < params.weights.entries; e++)
        for (int64_t k = 0; k < shape[e].count; k++) {
            float *g = clr_params_grad(&params, e) + k;
            *g = (float)random_value((uint64_t)k, (uint64_t)e);
            sum += (double)*g * *g;
        }
    ck_assert_double_eq_tol(clr_grad_norm(&params), sqrt(sum), 1e-12 * sqrt(sum));
    clr_params_grad(&params, 3)[0] = NAN;
    ck_assert(isnan(clr_grad_norm(&params)));
    clr_params_grad(&params, 3)[0] = INFINITY;
    ck_assert(isinf(clr_grad_norm(&params)));
    clr_params_grad(&params, 3)[0] = 1e30f; /* its square would overflow in single precision */
    ck_assert_double_eq_tol(clr_grad_norm(&params), 1e30, 1e24);
    close_params();
}
END_TEST

/* A frozen entry stays, in every optimizer, and its gradient is not in the norm; its neighbours move. */
START_TEST(frozen_entries_stay)
{
    open_params();
    params.weights.entry[1].frozen = true;
    for (int64_t k = 0; k < params.weights.floats; k++)
        params.value[k] = 1, params.grad[k] = 0.5f;
    double norm = clr_grad_norm(&params), counted = (double)(LARGE + 100 + 1);
    ck_assert_double_eq_tol(norm, 0.5 * sqrt(counted), 1e-12 * norm);
    clr_optim *optim = clr_optim_new(&(clr_optim_config){.kind = _i, .momentum = 0.9, .weight_decay = 0.1}, &params);
    for (int step = 0; step < 3; step++)
        clr_optim_step(optim, 0.1, step);
    for (int64_t k = 0; k < shape[1].count; k++)
        ck_assert(clr_params_value(&params, 1)[k] == 1);
    ck_assert(clr_params_value(&params, 0)[0] < 1 && clr_params_value(&params, 2)[0] < 1);
    clr_optim_free(optim);
    close_params();
}
END_TEST

START_TEST(names_for_checkpoints)
{
    static const char *const name[] = {"lars", "sgd", "nesterov", "adamw"};
    open_params();
    for (int kind = 0; kind < CLR_OPTIM_KINDS; kind++) {
        clr_optim *optim = clr_optim_new(&(clr_optim_config){.kind = kind}, &params);
        ck_assert_str_eq(clr_optim_name(optim), name[kind]);
        ck_assert_str_eq(clr_optim_slot_name(optim, 0), kind < 3 ? "momentum" : "exp_avg");
        ck_assert_int_eq(clr_optim_slots(optim), kind < 3 ? 1 : 2);
        for (int64_t k = 0; k < params.weights.floats; k++)
            ck_assert(clr_optim_slot(optim, 0)[k] == 0);
        clr_optim_free(optim);
    }
    clr_optim_free(NULL);
    close_params();
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("optim");

    tcase_add_loop_test(tc, follows_the_reference, 0, CLR_OPTIM_KINDS);
    tcase_add_test(tc, lars_by_hand);
    tcase_add_test(tc, lars_zero_norm_and_exempt);
    tcase_add_test(tc, schedule_of_the_paper);
    tcase_add_test(tc, schedules);
    tcase_add_test(tc, gradient_norm);
    tcase_add_loop_test(tc, frozen_entries_stay, 0, CLR_OPTIM_KINDS);
    tcase_add_test(tc, names_for_checkpoints);
    return clr_test_run("optim", tc, CK_FORK_GETENV);
}
