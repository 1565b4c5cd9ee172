/* SPDX-License-Identifier: BSD-3-Clause */
/* Fine-tuning from checkpoints that are not what they should be: one message that names the tensor, nothing written
   but the log, the checkpoint as it was. And from one that is: the first step sees the weights that are in the file. */
#include "clr/finetune.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/store.h"
#include "clr/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 8, IMAGES = 24, CLASSES = 3 };
#define NETWORK "width = 0.0625\nstem = cifar\nimage-size = 8\nhead = linear\nhead-dim = 4\n"

static clr_comm *comm;
static char top[CLR_TEST_FOLDER];

static void setup(void)
{
    static const char *const names[] = {"ant", "bee", "cicada"};
    const clr_store_layout layout = {.class_names = names, .classes = CLASSES};

    clr_test_folder_begin(top);
    for (int part = 0; part < 2; part++) {
        char path[64], name[32];
        clr_store_writer *writer = NULL;
        uint8_t pixels[SIZE * SIZE];
        const clr_image image = {SIZE, SIZE, 1, pixels};
        snprintf(path, sizeof path, "%s/%s.h5", top, part ? "test" : "train");
        ck_assert_int_eq(clr_store_create(path, &layout, &writer), CLR_OK);
        for (int i = 0; i < IMAGES; i++) {
            for (int p = 0; p < SIZE * SIZE; p++)
                pixels[p] = (uint8_t)(((unsigned)(i + 100 * part) * 1009 + (unsigned)p) * 2654435761u >> 11);
            snprintf(name, sizeof name, "%d.png", i);
            ck_assert_int_eq(clr_store_append(writer, &image, NULL, 0, i % CLASSES, name), CLR_OK);
        }
        ck_assert_int_eq(clr_store_commit(writer), CLR_OK);
    }
}

static void teardown(void)
{
    clr_test_folder_end(top);
}

typedef enum damage { NOTHING, MISSING, SHAPE, NOT_FINITE, STATES, DEEPER } damage;

static clr_tensor *tensor_of(clr_state *state, const char *name)
{
    for (int t = 0; t < state->tensors; t++)
        if (!strcmp(state->tensor[t].name, name))
            return &state->tensor[t];
    ck_abort_msg("no %s", name);
}

/* Writes a checkpoint of a small network. */
static void write_checkpoint(const char *path, damage how)
{
    const clr_encoder_config config = {.depth = how == DEEPER ? 34 : 18,
                                       .width = 0.0625,
                                       .stem = CLR_STEM_CIFAR,
                                       .size = SIZE,
                                       .channels = 1,
                                       .head = CLR_HEAD_LINEAR,
                                       .head_dim = 4,
                                       .views = 1};
    static char text[] = "arch = resnet18\n" NETWORK, deeper[] = "arch = resnet34\n" NETWORK, version[] = "test";
    const clr_ckpt_meta meta = {.step = 7, .seed = 3, .config = how == DEEPER ? deeper : text, .version = version};
    clr_params params = {0};
    clr_planner *planner = NULL;
    clr_encoder *encoder = NULL;

    ck_assert_int_eq(clr_planner_open(comm, "estimate", NULL, &planner), CLR_OK);
    ck_assert_int_eq(clr_encoder_new(comm, planner, &config, &params, &encoder), CLR_OK);
    clr_params_open(&params);
    clr_params_init(&params, 3);
    clr_state state = clr_state_of(&params, NULL);
    clr_tensor *tensor = tensor_of(&state, "model/encoder/layer2.0.conv1.weight");
    float *scratch = CLR_NEW(float, state.largest);
    if (how == MISSING)
        *tensor = state.tensor[--state.tensors];
    else if (how == SHAPE)
        tensor->shape[0] /= 2, tensor->count /= 2;
    else if (how == NOT_FINITE)
        ((float *)tensor->data)[5] = NAN;
    else if (how == STATES)
        *tensor_of(&state, "model/encoder/layer3.1.bn2.running_var") = state.tensor[--state.tensors];
    ck_assert_msg(clr_ckpt_write(path, &meta, &state, scratch) == CLR_OK, "%s", clr_message());
    clr_free(scratch);
    clr_state_free(&state);
    clr_encoder_free(encoder);
    clr_params_close(&params);
    clr_planner_close(planner);
}

/* simclr finetune with these options more; result->checkpoint is the caller's. */
static clr_status tune(const char *more, clr_run_result *result)
{
    clr_finetune_config config = {0};
    clr_opt_set set;
    char *lines = clr_text("data = %s/train.h5\ntest = %s/test.h5\ncheckpoint = %s/start.h5\nrun-dir = %s/run\n"
                           "batch = 8\nsteps = 2\nthreads = 1\nwatchdog = 0\n%s",
                           top, top, top, top, more);

    *result = (clr_run_result){0};
    clr_opt_open(&set, clr_finetune_options, &config);
    clr_status st = clr_opt_read_text(&set, lines, "test", CLR_OPT_LINE);
    if (st == CLR_OK)
        st = clr_finetune_complete(comm, &set);
    if (st == CLR_OK)
        st = clr_opt_finish(&set);
    if (st == CLR_OK)
        st = clr_run_task(comm, &clr_task_finetune, &config.run, &set, result);
    clr_opt_close(&set);
    clr_free(lines);
    return st;
}

static char *content(const char *path, size_t *bytes)
{
    struct stat attributes;
    FILE *file = fopen(path, "rb");

    ck_assert_ptr_nonnull(file);
    fstat(fileno(file), &attributes);
    *bytes = (size_t)attributes.st_size;
    char *data = clr_alloc(*bytes, 1);
    ck_assert_uint_eq(fread(data, 1, *bytes, file), *bytes);
    fclose(file);
    return data;
}

static const struct {
    damage how;
    const char *more, *says;
    clr_status status;
} cases[] = {
    {MISSING, "", "layer2.0.conv1.weight", CLR_EINPUT},
    {SHAPE, "", "layer2.0.conv1.weight has the shape (4, 4, 3, 3); this network's is (8, 4, 3, 3)", CLR_EINPUT},
    {NOT_FINITE, "", "layer2.0.conv1.weight", CLR_ENUMERIC},
    {STATES, "", "layer3.1.bn2.running_var", CLR_EINPUT},
    {NOTHING, "width = 0.125\n", "another architecture", CLR_EUSAGE},
    {NOTHING, "arch = resnet34\n", "another architecture", CLR_EUSAGE},
    {DEEPER, "arch = resnet18\n", "another architecture", CLR_EUSAGE}, /* it has all tensors of the smaller one */
    {NOTHING, "stem = imagenet\nimage-size = 33\n", "another architecture", CLR_EUSAGE},
    {NOTHING, "from = head1\n", "no layer so far up", CLR_EUSAGE},
    {NOTHING, "labels = 9/class\n", "class 'ant' of ", CLR_EUSAGE},
    {NOTHING, "labels = 1/class\n", "--batch=8 is more than the 3 images", CLR_EUSAGE},
};

START_TEST(refuses)
{
    char start[64], config[64], checkpoints[64];
    size_t bytes, after;
    clr_run_result result;

    snprintf(start, sizeof start, "%s/start.h5", top);
    snprintf(config, sizeof config, "%s/run/config", top);
    snprintf(checkpoints, sizeof checkpoints, "%s/run/checkpoints", top);
    write_checkpoint(start, cases[_i].how);
    char *was = content(start, &bytes);
    clr_status st = tune(cases[_i].more, &result);
    ck_assert_msg(st == cases[_i].status, "status %d: %s", (int)st, clr_message());
    ck_assert_msg(strstr(clr_message(), cases[_i].says), "%s", clr_message());
    ck_assert_msg(!strchr(clr_message(), '\n'), "%s", clr_message());
    char *is = content(start, &after);
    ck_assert(bytes == after && !memcmp(was, is, bytes));
    ck_assert(access(config, F_OK) && access(checkpoints, F_OK));
    clr_free(was);
    clr_free(is);
    clr_free(result.checkpoint);
}
END_TEST

/* With a learning rate of 0 the weights are still those of the file after two steps, and the first checkpoint has
   them. The classifier is new, and about as good as chance. */
START_TEST(starts_from_the_file)
{
    char start[64], first[64];
    clr_run_result result;

    snprintf(start, sizeof start, "%s/start.h5", top);
    snprintf(first, sizeof first, "%s/run/checkpoints/step-00000002.h5", top);
    write_checkpoint(start, NOTHING);
    ck_assert_msg(tune("lr = 0\n", &result) == CLR_OK, "%s", clr_message());
    clr_free(result.checkpoint);
    ck_assert(result.steps == 2 && fabs(result.row[0] - log(CLASSES)) < 0.5);
    ck_assert_ptr_nonnull(strstr(result.summary, " classes=3 labels=24 init=checkpoint"));
    const clr_encoder_config config = {.depth = 18,
                                       .width = 0.0625,
                                       .stem = CLR_STEM_CIFAR,
                                       .size = SIZE,
                                       .channels = 1,
                                       .head = CLR_HEAD_NONE,
                                       .views = 1};
    clr_params a = {0};
    clr_planner *planner = NULL;
    clr_encoder *encoder = NULL;
    ck_assert_int_eq(clr_planner_open(comm, "estimate", NULL, &planner), CLR_OK);
    ck_assert_int_eq(clr_encoder_new(comm, planner, &config, &a, &encoder), CLR_OK);
    clr_params_open(&a);
    clr_params_init(&a, 3); /* the seed of the checkpoint, not of the run */
    float *weights = CLR_NEW(float, a.weights.floats);
    memcpy(weights, a.value, sizeof(float) * (size_t)a.weights.floats);
    clr_state state = clr_state_of(&a, NULL);
    ck_assert_msg(clr_ckpt_read(first, &state) == CLR_OK, "%s", clr_message());
    for (int e = 0; e < a.weights.entries; e++)
        ck_assert_msg(!memcmp(weights + a.weights.entry[e].offset, clr_params_value(&a, e),
                              sizeof(float) * (size_t)a.weights.entry[e].count),
                      "%s", a.weights.entry[e].name);
    clr_free(weights);
    clr_state_free(&state);
    clr_encoder_free(encoder);
    clr_params_close(&a);
    clr_planner_close(planner);
}
END_TEST

int main(int argc, char **argv)
{
    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    TCase *tcase = tcase_create("finetune");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, refuses, 0, CLR_COUNT(cases));
    tcase_add_test(tcase, starts_from_the_file);
    int status = clr_test_run("finetune", tcase, CK_NOFORK);
    clr_comm_stop(comm);
    return status;
}
