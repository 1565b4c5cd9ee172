/* SPDX-License-Identifier: BSD-3-Clause */
/* --preset=auto. Each rule fills in one option. A rule may read the options that were given and those that earlier
   rules have filled in.

   Small datasets get AdamW, because LARS moves each layer by a thousandth of its size a step and needs many thousands
   of steps. From MANY images on the settings are the paper's. */
#include "auto.h"

#include "clr/tensor.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEW = 5000,      /* images: below, a narrow network learns as well and faster */
    SOME = 20000,    /* images: below, a half-width network */
    MANY = 300000,   /* images: from here on the paper's settings */
    UPDATES = 4000,  /* steps that small datasets get at least */
    SMALL_SIDE = 48, /* pixels: up to here the stem keeps the resolution */
};
static const double SHORT_BUDGET = 7200; /* seconds: below, a narrow network sees the images more often */

typedef struct chooser {
    const clr_auto_data *data;
    const clr_opt_set *given;
    clr_auto_choice *choice;
    int n;
} chooser;

static bool is_given(const chooser *c, const char *option)
{
    return clr_opt_given(c->given, option) >= CLR_OPT_RUN;
}

/* The value of an option as it will be: given, or chosen so far, or the default. */
static const char *value_of(const chooser *c, const char *option)
{
    for (int i = 0; i < c->n && !is_given(c, option); i++)
        if (!strcmp(c->choice[i].option, option))
            return c->choice[i].value;
    const char *value = clr_opt_value(c->given, option);
    return value ? value : "";
}

static bool is(const chooser *c, const char *option, const char *word)
{
    return !strcmp(value_of(c, option), word);
}

static void __attribute__((format(printf, 4, 5)))
choose(chooser *c, const char *option, const char *reason, const char *format, ...)
{
    clr_auto_choice *to = &c->choice[c->n];
    va_list list;

    if (is_given(c, option))
        return;
    CLR_CHECK(c->n < CLR_AUTO_MOST);
    to->option = option;
    va_start(list, format);
    vsnprintf(to->value, sizeof to->value, format, list);
    va_end(list);
    snprintf(to->reason, sizeof to->reason, "%s", reason);
    c->n++;
}

static void choose_size(chooser *c)
{
    int side = c->data->side;

    if (side <= SMALL_SIDE)
        choose(c, "image-size", "as large as the images, a multiple of 4", "%d", side & ~3 ? side & ~3 : 4);
    else if (c->data->images >= MANY && side >= 160)
        choose(c, "image-size", "as the paper has it", "224");
    else if (side < 96)
        choose(c, "image-size", "about as large as the images", "64");
    else
        choose(c, "image-size", "photographs: less than 224, for speed", "%d", c->data->images >= FEW ? 128 : 96);
    if (atoi(value_of(c, "image-size")) <= SMALL_SIDE)
        choose(c, "stem", "small views keep their resolution", "cifar");
    else
        choose(c, "stem", "larger views are reduced first", "imagenet");
}

static void choose_network(chooser *c)
{
    const clr_auto_data *d = c->data;
    bool hurried = d->budget > 0 && d->budget < SHORT_BUDGET;

    if (d->images >= MANY && !hurried)
        choose(c, "arch", "many images, as the paper has it", "resnet50");
    else
        choose(c, "arch", d->images >= MANY ? "a short --budget" : "fewer than 300,000 images", "resnet18");
    if (is(c, "arch", "resnet18") && hurried && d->images >= SOME)
        choose(c, "width", "a short --budget: a narrow network sees the images more often", "1/4");
    else if (is(c, "arch", "resnet18") && d->images < FEW)
        choose(c, "width", "few images: a narrow network", "1/4");
    else if (is(c, "arch", "resnet18") && d->images < SOME)
        choose(c, "width", "not so many images: half the width", "1/2");
    else
        choose(c, "width", "many images: full width", "1");
}

/* A power of two that leaves at least 4 steps an epoch; the paper's where there are many images. */
static void choose_batch(chooser *c)
{
    int64_t n = c->data->images, batch = n >= MANY ? 4096 : n >= SOME ? 256 : 128;

    while (batch > 16 && 4 * batch > n)
        batch /= 2;
    while (batch > 2 && batch > n)
        batch /= 2;
    choose(c, "batch",
           n >= MANY  ? "many images, as the paper has it"
           : n >= 512 ? "negatives enough for small data"
                      : "at least 4 steps an epoch",
           "%lld", (long long)batch);
}

static void choose_optimizer(chooser *c, int64_t batch)
{
    if (batch >= 1024)
        choose(c, "optimizer", "made for large batches, as the paper has it", "lars");
    else
        choose(c, "optimizer", "small batch: LARS would need many more steps", "adamw");
    if (is(c, "optimizer", "adamw")) {
        choose(c, "lr", "AdamW, for this batch", "%.2g", 2e-3 * sqrt((double)clr_min64(batch, 4096) / 128));
        choose(c, "lr-scaling", "the rate is already for this batch", "none");
        choose(c, "weight-decay", "AdamW", "1e-4");
    } else if (is(c, "optimizer", "lars")) {
        bool large = batch >= 4096;
        choose(c, "lr", "as the paper has it", large ? "0.3" : "0.075");
        choose(c, "lr-scaling", large ? "as the paper has it" : "the paper's rule for smaller batches",
               large ? "linear" : "sqrt");
    } else {
        choose(c, "lr", "SGD with momentum", "0.12");
        choose(c, "lr-scaling", "SGD with momentum", "linear");
        choose(c, "weight-decay", "SGD with momentum", "1e-4");
    }
}

static void choose_length(chooser *c, int64_t batch)
{
    const clr_auto_data *d = c->data;
    double epochs = (double)clr_min64(1000, clr_max64(200, (UPDATES * batch + d->images - 1) / d->images));
    bool steps = is_given(c, "steps") && atof(value_of(c, "steps")) > 0;

    if (!steps && d->budget > 0)
        choose(c, "epochs", "what --budget allows at the measured speed", "%.4g", d->epochs > 0 ? d->epochs : 1000);
    else if (!steps && d->images >= MANY)
        choose(c, "epochs", "as the paper has it", "100");
    else if (!steps)
        choose(c, "epochs", "small data: at least 4,000 steps and 200 epochs, at most 1,000", "%g", epochs);
    epochs = steps ? atof(value_of(c, "steps")) * (double)batch / (double)d->images : atof(value_of(c, "epochs"));
    choose(c, "warmup-epochs", "a tenth of the run, 10 epochs at most", "%.3g", fmin(10, epochs / 10));
}

int clr_auto_choose(const clr_auto_data *data, const clr_opt_set *given, clr_auto_choice *choice)
{
    chooser c = {data, given, choice, 0};

    choose_size(&c);
    choose_network(&c);
    choose_batch(&c);
    int64_t batch = clr_max64(2, atoll(value_of(&c, "batch")));
    choose_optimizer(&c, batch);
    choose_length(&c, batch);
    if (is(&c, "loss", "ntxent"))
        choose(&c, "temperature", batch >= 1024 ? "large batch, as the paper has it" : "small batch: a softer softmax",
               batch >= 1024 ? "0.1" : "0.2");
    bool blurs = atoi(value_of(&c, "image-size")) >= 64;
    if (data->gray)
        choose(&c, "augment", "gray images: brightness and contrast only", "crop:0.2-1,flip,color:0.5%s",
               blurs ? ",blur" : "");
    else if (data->images >= MANY)
        choose(&c, "augment", "as the paper has it", "crop:0.08-1,flip,color:1.0,gray:0.2,blur");
    else
        choose(&c, "augment", "milder than the paper's, for small data", "crop:0.2-1,flip,color:0.5,gray:0.2%s",
               blurs ? ",blur" : "");
    return c.n;
}
