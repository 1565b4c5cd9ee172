/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of a run, with the paper's defaults (protocol: LARS, learning rate 0.3 a 256 images, temperature 0.1,
   10 epochs of warm-up, weight decay 1e-6, a nonlinear head of two layers to 128). */
#include "clr/config.h"

#include "clr/augment.h"
#include "watch.h"

#include <math.h>
#include <stdlib.h>

#define AT(field) offsetof(clr_config, field)
#define M CLR_OPT_IDENTITY

const clr_opt clr_config_options[] = {
    {"data", CLR_OPT_TEXT, AT(data), NULL, "DATA.h5", 0, 0, NULL, 0, "images to learn from, made by simclr pack"},
    {"run-dir", CLR_OPT_TEXT, AT(run_dir), NULL, "DIR", 0, 0, NULL, 0,
     "the run: config, metrics, checkpoints; the same command goes on there"},
    {"preset", CLR_OPT_TEXT, AT(preset), NULL, "imagenet|cifar10|fashion-mnist", 0, 0, NULL, 0,
     "settings that belong together; other options win"},
    {"allow-change", CLR_OPT_TEXT, AT(allow_change), NULL, "NAME,...", 0, 0, NULL, 0,
     "options that may differ from those the run was begun with"},
    {"arch", CLR_OPT_WORD, AT(arch), "resnet50", "resnet18|resnet34|resnet50|resnet101|resnet152", 0, 0, NULL, M,
     "encoder"},
    {"width", CLR_OPT_REAL, AT(width), "1", "X", 0.015625, 16, NULL, M,
     "channels times this; fractions such as 1/4 are welcome"},
    {"stem", CLR_OPT_WORD, AT(stem), "imagenet", "imagenet|cifar", 0, 0, NULL, M,
     "7x7 stride 2 and max-pool, or 3x3 stride 1 for small images"},
    {"image-size", CLR_OPT_INT, AT(image_size), "224", "PIXELS", 4, 1024, NULL, M, "side of a view"},
    {"head", CLR_OPT_WORD, AT(head), "nonlinear", "none|linear|nonlinear", 0, 0, NULL, M, "projection head"},
    {"head-layers", CLR_OPT_INT, AT(head_layers), "2", "N", 1, 8, "head=nonlinear", M, "linear layers of the head"},
    {"head-dim", CLR_OPT_INT, AT(head_dim), "128", "D", 1, 4096, "head=linear|nonlinear", M, "length of an embedding"},
    {"loss", CLR_OPT_WORD, AT(loss), "ntxent", CLR_LOSS_WORDS, 0, 0, NULL, M, "contrastive loss"},
    {"temperature", CLR_OPT_REAL, AT(temperature), "0.1", "T", 1e-3, 1e4, "loss=" CLR_LOSS_WITH_TEMPERATURE, M,
     "similarities are divided by it"},
    {"l2norm", CLR_OPT_FLAG, AT(l2norm), "yes", NULL, 0, 0, NULL, M, "embeddings are scaled to unit length"},
    {"negatives", CLR_OPT_WORD, AT(negatives), "two-view", "two-view|one-view", 0, 0, NULL, M,
     "negatives from both views, or from the other view only"},
    {"mining", CLR_OPT_WORD, AT(mining), "none", "none|semi-hard", 0, 0, "loss=" CLR_LOSS_WITH_MINING, M,
     "which negatives count"},
    {"margin", CLR_OPT_REAL, AT(margin), "0.8", "M", 0, 4, "loss=triplet", M, "margin of the triplet loss"},
    {"batch", CLR_OPT_INT, AT(batch), "4096", "N", 2, 1 << 24, NULL, M, "images in a step, over all ranks"},
    {"epochs", CLR_OPT_REAL, AT(epochs), "100", "X", 0, 1e6, NULL, M, "how long to train"},
    {"steps", CLR_OPT_INT, AT(steps), "0", "N", 0, 1e9, NULL, M | CLR_OPT_OVERRIDDEN_BY,
     "how long to train, in steps; 0: by --epochs"},
    {"microbatch", CLR_OPT_INT, AT(microbatch), "0", "M", 0, 1 << 24, NULL, M,
     "images that all ranks encode at a time, in two passes: less memory, the same loss, batch norm over a microbatch; "
     "0: all"},
    {"recompute", CLR_OPT_FLAG, AT(recompute), "no", NULL, 0, 0, NULL, 0,
     "keep only the inputs of blocks: less memory, more time, the same numbers"},
    {"optimizer", CLR_OPT_WORD, AT(optimizer), "lars", CLR_OPTIM_WORDS, 0, 0, NULL, M, "update rule"},
    {"lr", CLR_OPT_REAL, AT(lr), "0.3", "X", 0, 1e4, NULL, M, "learning rate, before scaling with the batch"},
    {"lr-scaling", CLR_OPT_WORD, AT(lr_scaling), "linear", "linear|sqrt|none", 0, 0, NULL, M,
     "times batch / 256, times sqrt(batch), or as it is"},
    {"warmup-epochs", CLR_OPT_REAL, AT(warmup_epochs), "10", "X", 0, 1e6, NULL, M,
     "the learning rate grows from 0 for so long"},
    {"weight-decay", CLR_OPT_REAL, AT(weight_decay), "1e-6", "X", 0, 10, NULL, M, "not on batch norm and biases"},
    {"momentum", CLR_OPT_REAL, AT(momentum), "0.9", "X", 0, 0.9999, NULL, M,
     "of lars and sgd; the first of adamw's two"},
    {"bn", CLR_OPT_WORD, AT(bn), "global", "global|local", 0, 0, NULL, M,
     "batch norm over all ranks, or each rank's own"},
    {"augment", CLR_OPT_TEXT, AT(augment), "crop:0.08-1,flip,color:1.0,gray:0.2,blur", "LIST", 0, 0, NULL, M,
     "operators in order; none: the image as it is"},
    {"augment-second", CLR_OPT_TEXT, AT(augment_second), NULL, "LIST", 0, 0, NULL, M,
     "of the second view, where it differs"},
    {"online-probe", CLR_OPT_FLAG, AT(online_probe), "no", NULL, 0, 0, NULL, M,
     "a softmax regression on h that learns along, from labels, and tells the encoder nothing: a column of "
     "metrics.tsv"},
    {"seed", CLR_OPT_INT, AT(seed), "1", "N", 0, 1e15, NULL, M, "of every random draw"},
    {"threads", CLR_OPT_INT, AT(threads), "0", "N", 0, 4096, NULL, 0, "of a rank; 0: the cores it may use"},
    {"dtype", CLR_OPT_WORD, AT(dtype), "fp32", "fp32|bf16", 0, 0, NULL, M, "arithmetic"},
    {"plan", CLR_OPT_TEXT, AT(plan), "estimate", "estimate|measure[:SOLVER,...]", 0, 0, NULL, M,
     "how convolutions are chosen; a list allows only these, or with '-' forbids them"},
    {"checkpoint-every", CLR_OPT_TEXT, AT(checkpoint_every), "1e,600s", "N|Ns|Ne,...", 0, 0, NULL, 0,
     "steps, seconds (600s), epochs (1e); of several, each counts"},
    {"keep", CLR_OPT_INT, AT(keep), "3", "N", 2, 1e6, NULL, 0, "newest checkpoints that stay"},
    {"time-limit", CLR_OPT_TEXT, AT(time_limit), NULL, "SECONDS|[D-]H:MM:SS", 0, 0, NULL, 0,
     "stop in time for it, with a checkpoint; default: Slurm's end of the job"},
    CLR_WATCHDOG_OPTION(AT(watchdog)),
    {"log-every", CLR_OPT_INT, AT(log_every), "50", "STEPS", 1, 1e6, NULL, 0,
     "between lines of progress where stderr is no terminal; a minute at most"},
    {0}};

clr_encoder_config clr_config_encoder(const clr_config *config, int channels)
{
    static const int depths[] = {18, 34, 50, 101, 152};

    return (clr_encoder_config){.depth = depths[config->arch],
                                .width = config->width,
                                .stem = (clr_stem)config->stem,
                                .size = (int)config->image_size,
                                .channels = channels,
                                .head = (clr_head)config->head,
                                .head_layers = (int)config->head_layers,
                                .head_dim = (int)config->head_dim,
                                .global_bn = config->bn == 0,
                                .recompute = config->recompute};
}

clr_loss_config clr_config_loss(const clr_config *config)
{
    return (clr_loss_config){.kind = config->loss,
                             .temperature = config->temperature,
                             .l2norm = config->l2norm,
                             .one_view = config->negatives == 1,
                             .semi_hard = config->mining == 1,
                             .margin = config->margin};
}

clr_optim_config clr_config_optim(const clr_config *config)
{
    return (clr_optim_config){
        .kind = config->optimizer, .momentum = config->momentum, .weight_decay = config->weight_decay};
}

clr_status clr_config_every(const clr_config *config, int64_t per_epoch, clr_occasions *every)
{
    *every = (clr_occasions){0};
    for (const char *at = config->checkpoint_every;; at++) {
        char *end;
        double number = strtod(at, &end);
        char unit = end == at ? '?' : *end == 's' || *end == 'e' ? *end++ : 0;
        if (unit == '?' || !(number > 0 && number < 1e15) || (*end && *end != ','))
            return clr_fail(
                CLR_EUSAGE,
                "--checkpoint-every=%s: must be steps (500), seconds (600s) or epochs (1e), or several such as 1e,600s",
                config->checkpoint_every);
        if (unit == 's')
            every->seconds = number;
        else if (unit == 'e')
            every->epoch_steps = clr_max64(1, llround(number * (double)per_epoch));
        else
            every->steps = clr_max64(1, llround(number));
        if (!*end)
            return CLR_OK;
        at = end;
    }
}

/* Options that say the same in two ways, or that cannot be together; which were given, only the set knows. */
static clr_status contradictions(const clr_config *config, const clr_opt_set *options)
{
    if (options && clr_opt_given(options, "steps") == CLR_OPT_LINE && config->steps &&
        clr_opt_given(options, "epochs") == CLR_OPT_LINE)
        return clr_fail(CLR_EUSAGE, "--steps=%lld and --epochs=%g both say how long to train; leave one out",
                        (long long)config->steps, config->epochs);
    if (config->dtype != 0)
        return clr_fail(CLR_EUSAGE, "--dtype=bf16 is not supported yet: only fp32 is; leave it out");
    if (config->steps == 0 && config->epochs <= 0)
        return clr_fail(CLR_EUSAGE, "--epochs=0: nothing to train; give --epochs or --steps");
    if (config->head == CLR_HEAD_NONLINEAR && config->head_layers < 2)
        return clr_fail(CLR_EUSAGE, "--head-layers=1: a nonlinear head has two layers or more; --head=linear has one");
    return CLR_OK;
}

/* Options whose texts have a meaning of their own. */
static clr_status texts(const clr_config *config, const clr_opt_set *options)
{
    clr_occasions every;
    clr_augment augment;
    clr_status st = clr_config_every(config, 1, &every);

    if (st == CLR_OK && clr_watch_deadline(config->time_limit) < 0)
        st = clr_fail(CLR_EUSAGE,
                      "--time-limit=%s: must be seconds, M:SS, H:MM:SS, D-H or D-H:MM:SS, with less than 60 minutes "
                      "and seconds and 24 hours behind "
                      "another number, and more than nothing",
                      config->time_limit);
    if (st == CLR_OK)
        st = clr_augment_parse(config->augment, &augment);
    if (st == CLR_OK && config->augment_second && (st = clr_augment_parse(config->augment_second, &augment)) != CLR_OK)
        st = clr_fail_in(st, "--augment-second, read as --augment");
    return st == CLR_OK && options ? clr_opt_known(options, "allow-change") : st;
}

clr_status clr_config_check(const clr_config *config, const clr_opt_set *options, const clr_store_info *data, int ranks)
{
    clr_status st = contradictions(config, options);

    if (st == CLR_OK)
        st = texts(config, options);
    if (st != CLR_OK)
        return st;
    if (config->batch < ranks)
        return clr_fail(CLR_EUSAGE, "--batch=%lld is less than the %d ranks: each needs an image; start fewer ranks",
                        (long long)config->batch, ranks);
    if (config->microbatch && config->microbatch < 2 * ranks)
        return clr_fail(CLR_EUSAGE,
                        "--microbatch=%lld is less than two images for each of the %d ranks; it counts the images of "
                        "all ranks together",
                        (long long)config->microbatch, ranks);
    if (data && config->online_probe && !data->classes)
        return clr_fail(CLR_EUSAGE, "--online-probe needs labels, and %s has none; leave it out", config->data);
    if (data && config->online_probe && data->present < 2)
        return clr_fail(CLR_EUSAGE,
                        "--online-probe needs images of two classes or more, and all of %s are of one; leave it out",
                        config->data);
    if (data && config->batch > data->images)
        return clr_fail(CLR_EUSAGE,
                        "--batch=%lld is more than the %lld images of the dataset; an epoch would have no step",
                        (long long)config->batch, (long long)data->images);
    return CLR_OK;
}
