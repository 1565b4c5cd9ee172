/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of pretraining: those of each room, with the paper's defaults (protocol: LARS, learning rate 0.3 a 256
   images, temperature 0.1, 10 epochs of warm-up, weight decay 1e-6, a nonlinear head of two layers to 128), and its
   own. */
#include "pretraining.h"

#include "clr/allreduce.h"
#include "clr/watchdog.h"

#define AT(field) offsetof(clr_pretrain_config, field)
#define M CLR_OPT_IDENTITY

static const clr_opt own[] = {
    {"preset", CLR_OPT_TEXT, AT(preset), "auto", "auto|imagenet|cifar10|fashion-mnist", 0, 0, NULL, 0,
     "settings that belong together; other options win. auto: chosen from the dataset and the options given, each "
     "with its reason"},
    {"budget", CLR_OPT_PARSED, AT(budget), NULL, "TIME", 0, 0, "preset=auto", 0,
     "how long the training may take (90s, 20m, 8h): auto measures the speed and chooses --epochs",
     clr_pretrain_parse_budget},
    {"batch", CLR_OPT_LONG, AT(batch), "4096", "N", 2, 1 << 24, NULL, M, "images in a step, over all ranks"},
    {"epochs", CLR_OPT_REAL, AT(epochs), "100", "X", 0, 1e6, NULL, M, "how long to train"},
    {"steps", CLR_OPT_LONG, AT(steps), "0", "N", 0, 1e9, NULL, M | CLR_OPT_OVERRIDDEN_BY,
     "how long to train, in steps; 0: by --epochs"},
    {"init", CLR_OPT_TEXT, AT(init), NULL, "FILE|RUN_DIR", 0, 0, NULL, M,
     "weights to start from: a checkpoint, or what simclr import wrote; the head too where it has the same shape"},
    {"online-probe", CLR_OPT_FLAG, AT(online_probe), "no", NULL, 0, 0, NULL, M,
     "a softmax regression on h that learns along, from labels, and tells the encoder nothing: a column of "
     "metrics.tsv"},
    {0}};

const clr_opt_part clr_pretrain_options[] = {{clr_data_option, AT(data), NULL, "what and where"},
                                             {clr_run_options, AT(run), NULL},
                                             {own, 0, NULL, "how long, and settings that belong together"},
                                             {clr_encoder_options, AT(encoder), NULL, "network"},
                                             {clr_head_options, AT(encoder), NULL},
                                             {clr_image_size_option, AT(encoder.size), NULL, "views"},
                                             {clr_augment_options, AT(augment), NULL},
                                             {clr_loss_options, AT(loss), NULL, "loss"},
                                             {clr_optim_options, AT(optim), NULL, "optimizer"},
                                             {clr_schedule_options, AT(schedule), NULL},
                                             {clr_microbatch_option, AT(microbatch), NULL, "machine, and the rest"},
                                             {clr_seed_option, AT(seed), NULL},
                                             {clr_dtype_option, AT(encoder.dtype), NULL},
                                             {clr_wire_option, AT(wire), NULL},
                                             {clr_plan_option, AT(plan), NULL},
                                             {clr_threads_option, AT(run.threads), NULL},
                                             {clr_watchdog_option, AT(run.watchdog), NULL},
                                             {0}};

/* Refuses options that contradict or repeat each other. Only the option set knows which were given. */
static clr_status check_options(const clr_pretrain_config *config, const clr_opt_set *options)
{
    clr_status st = clr_task_check_length(options, config->steps, config->epochs);
    if (st == CLR_OK)
        st = clr_conv_check_dtype(config->encoder.dtype);
    return st == CLR_OK ? clr_head_check(&config->encoder) : st;
}

static clr_status check_data(const clr_pretrain_config *config, const clr_store_info *data)
{
    if (config->online_probe && !data->classes)
        return clr_fail(CLR_EUSAGE, "--online-probe needs labels, and %s has none; leave it out", config->data);
    if (config->online_probe && data->present < 2)
        return clr_fail(CLR_EUSAGE,
                        "--online-probe needs images of two classes or more, and all of %s are of one; leave it out",
                        config->data);
    if (config->batch > data->images)
        return clr_fail(CLR_EUSAGE,
                        "--batch=%lld is more than the %lld images of the dataset, so that an epoch would have no "
                        "step; try --batch=%lld",
                        (long long)config->batch, (long long)data->images,
                        (long long)clr_task_fitting_batch(data->images, 256));
    return CLR_OK;
}

clr_status clr_pretraining_check(const clr_pretrain_config *config, const clr_opt_set *options,
                                 const clr_store_info *data, int ranks)
{
    char batch[32];
    clr_status st = check_options(config, options);

    snprintf(batch, sizeof batch, "--batch=%lld", (long long)config->batch);
    if (st == CLR_OK)
        st = clr_split_check(config->batch, config->microbatch, ranks, batch);
    return st == CLR_OK && data ? check_data(config, data) : st;
}
