/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of named tensors: names, shapes, layouts, copies, and what is not finite. */
#include "clr/mem.h"
#include "clr/state.h"
#include "clr/test.h"

#include <math.h>
#include <string.h>

static clr_params params;
static clr_optim *optim;

static void setup(void)
{
    clr_entry conv = {.name = "encoder/conv1.weight", .role = CLR_ROLE_CONV, .r = 3, .s = 2, .c = 4, .k = 5};
    clr_entry linear = {.name = "head/0.weight", .role = CLR_ROLE_LINEAR, .r = 1, .s = 1, .c = 3, .k = 2};
    clr_entry mean = {.name = "encoder/bn1.running_mean", .role = CLR_ROLE_VECTOR, .r = 1, .s = 1, .c = 1, .k = 5};

    clr_table_add(&params.weights, &conv);
    clr_table_add(&params.weights, &linear);
    clr_table_add(&params.states, &mean);
    clr_params_open(&params);
    optim = clr_optim_new(&(clr_optim_config){.kind = CLR_OPTIM_adamw}, &params); /* two slots */
    for (int64_t i = 0; i < params.weights.floats; i++) {
        params.value[i] = (float)i;
        clr_optim_slot(optim, 0)[i] = (float)(1000 + i);
        clr_optim_slot(optim, 1)[i] = (float)(2000 + i);
    }
    for (int64_t i = 0; i < params.states.floats; i++)
        params.state[i] = (float)(3000 + i);
    params.batches = 7;
}

static void teardown(void)
{
    clr_optim_free(optim);
    clr_params_close(&params);
}

START_TEST(every_tensor_has_its_name_and_shape)
{
    static const struct {
        const char *name;
        int rank;
        int64_t shape[4];
    } want[] = {{"model/encoder/conv1.weight", 4, {5, 4, 3, 2}},
                {"optimizer/adamw/exp_avg/encoder/conv1.weight", 4, {5, 4, 3, 2}},
                {"optimizer/adamw/exp_avg_sq/head/0.weight", 2, {2, 3}},
                {"model/encoder/bn1.running_mean", 1, {5}},
                {"model/encoder/bn1.num_batches_tracked", 0, {0}}};
    clr_state state = clr_state_of(&params, optim), weights = clr_state_of(&params, NULL);

    ck_assert_int_eq(state.tensors, 2 * 3 + 2);
    ck_assert_int_eq(weights.tensors, 2 + 2);
    ck_assert_int_eq(state.largest, 3 * 2 * 4 * 5);
    ck_assert_ptr_null(weights.optimizer);
    for (size_t i = 0; i < CLR_COUNT(want); i++) {
        const clr_tensor *t = clr_state_find(&state, want[i].name);
        ck_assert_msg(t != NULL, "%s", want[i].name);
        ck_assert_int_eq(t->rank, want[i].rank);
        ck_assert_mem_eq(t->shape, want[i].shape, (size_t)t->rank * sizeof *t->shape);
    }
    ck_assert_ptr_null(clr_state_find(&state, "model/encoder/conv2.weight"));
    ck_assert_int_eq(*(int64_t *)clr_state_find(&state, "model/encoder/bn1.num_batches_tracked")->data, 7);
    clr_state_free(&state);
    clr_state_free(&weights);
}
END_TEST

/* (R, S, C, K) here is (K, C, R, S) in files, and back. */
START_TEST(layouts_convert_both_ways)
{
    clr_state state = clr_state_of(&params, optim);
    const clr_tensor *t = clr_state_find(&state, "model/encoder/conv1.weight");
    float *file = CLR_NEW(float, state.largest), *kept = CLR_NEW(float, state.largest);

    memcpy(kept, t->data, (size_t)t->count * sizeof *kept);
    clr_tensor_to_file(t, file);
    for (int k = 0; k < 5; k++)
        for (int c = 0; c < 4; c++)
            for (int r = 0; r < 3; r++)
                for (int s = 0; s < 2; s++)
                    ck_assert(file[((k * 4 + c) * 3 + r) * 2 + s] == kept[((r * 2 + s) * 4 + c) * 5 + k]);
    memset(t->data, 0, (size_t)t->count * sizeof *kept);
    clr_tensor_from_file(t, file);
    ck_assert_mem_eq(t->data, kept, (size_t)t->count * sizeof *kept);
    clr_free(file);
    clr_free(kept);
    clr_state_free(&state);
}
END_TEST

START_TEST(a_copy_is_apart)
{
    clr_state state = clr_state_of(&params, optim), copy = clr_state_like(&state);

    clr_state_copy(&copy, &state);
    memset(params.value, 0, (size_t)params.weights.floats * sizeof(float));
    memset(clr_optim_slot(optim, 1), 0, (size_t)params.weights.floats * sizeof(float));
    params.batches = 0;
    clr_state_copy(&state, &copy);
    ck_assert(params.value[17] == 17 && clr_optim_slot(optim, 1)[17] == 2017 && params.batches == 7);
    clr_state_free(&copy);
    clr_state_free(&copy); /* a zeroed one */
    clr_state_free(&state);
}
END_TEST

START_TEST(what_is_not_finite_is_named)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    clr_state state = clr_state_of(&params, optim);

    ck_assert_int_eq(clr_state_check(&state), CLR_OK);
    clr_optim_slot(optim, 1)[params.weights.entry[1].offset + 3] = (float)bad[_i];
    ck_assert_int_eq(clr_state_check(&state), CLR_ENUMERIC);
    ck_assert_msg(strstr(clr_message(), "/optimizer/adamw/exp_avg_sq/head/0.weight[3]") != NULL, "%s", clr_message());
    clr_state_free(&state);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("state");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_tensor_has_its_name_and_shape);
    tcase_add_test(tcase, layouts_convert_both_ways);
    tcase_add_test(tcase, a_copy_is_apart);
    tcase_add_loop_test(tcase, what_is_not_finite_is_named, 0, 3);
    return clr_test_run("state", tcase, CK_FORK);
}
