/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of supervised training, with the paper's values for fine-tuning (protocol: SGD with Nesterov's momentum,
   learning rate 0.05 for 256 images, no weight decay, no warm-up, crop and flip only). */
#include "finetuning.h"

#include "clr/allreduce.h"
#include "clr/log.h"
#include "clr/pretrained.h"
#include "clr/mem.h"
#include "clr/watchdog.h"

#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(clr_finetune_config, field)
#define M CLR_OPT_IDENTITY

static clr_status parse_from(const char *text, void *field)
{
    return clr_tap_parse("from", text, false, field);
}

static clr_status parse_frozen(const char *text, void *field)
{
    static const char *const words[] = {"none", "stem", "1", "2", "3", "4"};

    for (size_t i = 0; i < CLR_COUNT(words); i++)
        if (!strcmp(text, words[i])) {
            *(int *)field = (int)i;
            return CLR_OK;
        }
    return clr_fail(CLR_EUSAGE, "--freeze-up-to=%s: must be none, stem, or a group of blocks: 1, 2, 3 or 4", text);
}

static clr_status parse_augment(const char *text, void *field)
{
    return clr_augment_parse(text, field);
}

static clr_status parse_channels(const char *text, void *field)
{
    if (strcmp(text, "0") && strcmp(text, "1") && strcmp(text, "3"))
        return clr_fail(CLR_EUSAGE, "--channels=%s: must be 1 or 3, or 0 for those of the images", text);
    *(int *)field = *text - '0';
    return CLR_OK;
}

static const clr_opt data[] = {
    {"test", CLR_OPT_TEXT, AT(test), NULL, "DATA.h5", 0, 0, NULL, 0, "labelled images by which it is judged"},
    {"checkpoint", CLR_OPT_TEXT, AT(checkpoint), NULL, "FILE|RUN_DIR", 0, 0, NULL, M,
     "what to start from: a checkpoint, or a run (its newest checkpoint)"},
    {"labels", CLR_OPT_TEXT, AT(labels), "100%", "X%|N/class|FILE", 0, 0, NULL, M,
     "which training images: a share of each class, so many of each, or a list of names, one a line"},
    {"init", CLR_OPT_WORD, AT(init), "checkpoint", "checkpoint|random", 0, 0, NULL, M,
     "start from --checkpoint, or from random weights: the supervised baseline"},
    {"from", CLR_OPT_PARSED, AT(from), "h", "h|head1|head2|...", 0, 0, NULL, M,
     "what the classifier reads: the encoder's output, or a layer of the projection head, which is trained too",
     parse_from},
    {"freeze-up-to", CLR_OPT_PARSED, AT(frozen), "none", "none|stem|1|2|3|4", 0, 0, NULL, M,
     "these parts keep their weights and running statistics; 4: the classifier alone is trained", parse_frozen},
    {0}};
static const clr_opt length[] = {
    {"batch", CLR_OPT_LONG, AT(batch), "256", "N", 2, 1 << 24, NULL, M, "images in a step, over all ranks"},
    {"epochs", CLR_OPT_REAL, AT(epochs), "60", "X", 0, 1e6, NULL, M, "how long to train"},
    {"steps", CLR_OPT_LONG, AT(steps), "0", "N", 0, 1e9, NULL, M | CLR_OPT_OVERRIDDEN_BY,
     "how long to train, in steps; 0: by --epochs"},
    {"test-every", CLR_OPT_REAL, AT(test_every), "10", "EPOCHS", 0, 1e6, NULL, M,
     "between evaluations on --test, which are columns of metrics.tsv; 0: at the end alone"},
    {0}};
static const clr_opt views[] = {{"augment", CLR_OPT_PARSED, AT(augment), "crop:0.08-1,flip", "LIST", 0, 0, NULL, M,
                                 "operators in order; none: the image as it is", parse_augment},
                                {"channels", CLR_OPT_PARSED, AT(encoder.channels), "0", "0|1|3", 0, 0, NULL, M,
                                 "of a view; 0: those of the images", parse_channels},
                                {0}};

const clr_opt_part clr_finetune_options[] = {
    {clr_data_option, AT(data), NULL, "what and where"},
    {data, 0, NULL},
    {clr_run_options, AT(run), NULL},
    {length, 0, NULL, "how long"},
    {clr_encoder_options, AT(encoder), NULL, "network (of a checkpoint, where there is one)"},
    {clr_image_size_option, AT(encoder.size), NULL, "views"},
    {views, 0, NULL},
    {clr_optim_options, AT(optim), "optimizer = nesterov\nweight-decay = 0\n", "optimizer"},
    {clr_schedule_options, AT(schedule), "lr = 0.05\nwarmup-epochs = 0\n"},
    {clr_microbatch_option, AT(microbatch), NULL, "machine, and the rest"},
    {clr_seed_option, AT(seed), NULL},
    {clr_dtype_option, AT(encoder.dtype), NULL},
    {clr_wire_option, AT(wire), NULL},
    {clr_plan_option, AT(plan), NULL},
    {clr_threads_option, AT(run.threads), NULL},
    {clr_watchdog_option, AT(run.watchdog), NULL},
    {0}};

clr_status clr_finetuning_check(const clr_finetune_config *c, const clr_opt_set *options, int ranks)
{
    char batch[32];

    if (!c->data || !*c->data || !c->test || !*c->test)
        return clr_fail(CLR_EUSAGE, "--%s=DATA.h5 is missing: labelled images, made by simclr pack",
                        !c->data || !*c->data ? "data" : "test");
    if (c->init == CLR_INIT_CHECKPOINT && (!c->checkpoint || !*c->checkpoint))
        return clr_fail(CLR_EUSAGE, "--checkpoint=FILE|RUN_DIR is missing: what to start from; --init=random starts "
                                    "from random weights");
    if (c->init == CLR_INIT_RANDOM && c->checkpoint && *c->checkpoint)
        return clr_fail(CLR_EUSAGE, "--init=random and --checkpoint=%s contradict each other; leave one out",
                        c->checkpoint);
    if (c->init == CLR_INIT_RANDOM && (c->frozen || c->from))
        return clr_fail(CLR_EUSAGE, "--init=random: random weights are neither frozen nor have they a head; leave out "
                                    "--freeze-up-to and --from");
    clr_status st = clr_task_check_length(options, c->steps, c->epochs);
    if (st == CLR_OK)
        st = clr_conv_check_dtype(c->encoder.dtype);
    snprintf(batch, sizeof batch, "--batch=%lld", (long long)c->batch);
    return st == CLR_OK ? clr_split_check(c->batch, c->microbatch, ranks, batch) : st;
}

clr_status clr_finetune_complete(clr_comm *comm, clr_opt_set *set)
{
    clr_status st = clr_run_inherit(comm, set);
    const char *checkpoint = clr_opt_value(set, "checkpoint"), *init = clr_opt_value(set, "init");

    if (st != CLR_OK || !checkpoint || !*checkpoint || !init || strcmp(init, "checkpoint") ||
        clr_opt_given(set, "arch") == CLR_OPT_RUN)
        return st;
    return clr_task_architecture(comm, set, checkpoint);
}
