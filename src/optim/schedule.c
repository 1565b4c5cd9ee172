/* SPDX-License-Identifier: BSD-3-Clause */
/* The learning rate of a step, of a run of T steps with w steps of warm-up to the peak p.
     cosine           p t / w, then p/2 (1 + cos(pi (t - w) / (T - w))). With restarts r1 < r2 < ...: such a curve over
                      [0, r1), the same with its warm-up over [r1, r2), and so on to T (Loshchilov and Hutter 2017)
     constant         p t / w, then p
     constant+decay   the same, and over the last d = share T steps p (T - t) / d (Haegele et al. 2024) */
#include "clr/optim.h"

#include "clr/err.h"
#include "clr/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {"cosine", "constant", "constant+decay"};

/* "STEP,STEP,...", rising. */
static bool parse_restarts(const char *text, clr_schedule_shape *shape)
{
    for (const char *at = text;; at++) {
        char *end;
        double step = strtod(at, &end);
        int64_t before = shape->restarts ? shape->restart[shape->restarts - 1] : 0;
        if (end == at || shape->restarts == CLR_SCHEDULE_RESTARTS || !(step > (double)before && step < 1e15) ||
            step != floor(step))
            return false;
        shape->restart[shape->restarts++] = (int64_t)step;
        at = end;
        if (!*at)
            return true;
        if (*at != ',')
            return false;
    }
}

static bool parse_share(const char *text, clr_schedule_shape *shape)
{
    char *end;

    shape->share = strtod(text, &end);
    return end > text && !*end && shape->share > 0 && shape->share <= 1;
}

clr_status clr_schedule_parse(const char *text, void *field)
{
    clr_schedule_shape *shape = field;
    size_t length = strcspn(text, ":");
    const char *more = text[length] ? text + length + 1 : NULL;
    bool good = false;

    *shape = (clr_schedule_shape){.share = CLR_SCHEDULE_SHARE};
    for (size_t i = 0; i < CLR_COUNT(words); i++)
        if (strlen(words[i]) == length && !strncmp(text, words[i], length)) {
            shape->kind = (clr_schedule_kind)i;
            good = !more || (i == CLR_SCHEDULE_COSINE  ? parse_restarts(more, shape)
                             : i == CLR_SCHEDULE_DECAY ? parse_share(more, shape)
                                                       : false);
        }
    if (good)
        return CLR_OK;
    return clr_fail(CLR_EUSAGE,
                    "--schedule=%s: must be cosine, cosine:STEP,... (at most %d rising steps at which a warm-up and a "
                    "cosine begin anew), constant, constant+decay, or constant+decay:SHARE (0 to 1, of all steps)",
                    text, CLR_SCHEDULE_RESTARTS);
}

clr_schedule clr_schedule_of(const clr_schedule_config *config, int64_t batch, int64_t images, int64_t total_steps)
{
    clr_schedule schedule = {.shape = config->shape, .peak = config->base, .total = total_steps};

    if (config->scaling == CLR_LR_LINEAR)
        schedule.peak = config->base * (double)batch / 256;
    else if (config->scaling == CLR_LR_SQRT)
        schedule.peak = config->base * sqrt((double)batch);
    schedule.warmup = (int64_t)floor(config->warmup_epochs * (double)images / (double)batch);
    return schedule;
}

static int64_t decaying(const clr_schedule *schedule)
{
    return clr_max64(1, (int64_t)(schedule->shape.share * (double)schedule->total));
}

static double steady(const clr_schedule *schedule, int64_t step)
{
    double warm = step < schedule->warmup ? schedule->peak * (double)step / (double)schedule->warmup : schedule->peak;
    int64_t falls = decaying(schedule);

    if (schedule->shape.kind == CLR_SCHEDULE_CONSTANT || step < schedule->total - falls)
        return warm;
    return fmin(warm, schedule->peak * (double)(schedule->total - step) / (double)falls);
}

double clr_schedule_at(const clr_schedule *schedule, int64_t step)
{
    const clr_schedule_shape *shape = &schedule->shape;
    int64_t from = 0, to = schedule->total;

    if (step >= to && step >= schedule->warmup)
        return 0;
    if (shape->kind != CLR_SCHEDULE_COSINE)
        return steady(schedule, step);
    for (int i = shape->restarts - 1; i >= 0; i--) {
        if (step >= shape->restart[i]) {
            from = shape->restart[i];
            break;
        }
        to = shape->restart[i];
    }
    if (step - from < schedule->warmup)
        return schedule->peak * (double)(step - from) / (double)schedule->warmup;
    double done = (double)(step - from - schedule->warmup) / (double)(to - from - schedule->warmup);
    return 0.5 * schedule->peak * (1 + cos(acos(-1.0) * done));
}

double clr_schedule_sum(const clr_schedule *schedule)
{
    double sum = 0;

    for (int64_t t = 0; t < schedule->total; t++)
        sum += clr_schedule_at(schedule, t);
    return sum;
}

bool clr_schedule_same(const clr_schedule *a, const clr_schedule *b, int64_t steps)
{
    for (int64_t t = 0; t < steps; t++)
        if (clr_schedule_at(a, t) != clr_schedule_at(b, t))
            return false;
    return true;
}

void clr_schedule_words(const clr_schedule *schedule, char *text, size_t capacity)
{
    const clr_schedule_shape *shape = &schedule->shape;
    char then[128] = "";

    if (shape->kind == CLR_SCHEDULE_CONSTANT)
        snprintf(then, sizeof then, "stays there");
    else if (shape->kind == CLR_SCHEDULE_DECAY)
        snprintf(then, sizeof then, "stays there, and falls to 0 over the last %" PRId64 " steps", decaying(schedule));
    else if (shape->restarts)
        snprintf(then, sizeof then, "falls to 0 as a cosine; both once more from step %" PRId64 " on%s",
                 shape->restart[shape->restarts - 1], shape->restarts > 1 ? ", and before from earlier restarts" : "");
    else
        snprintf(then, sizeof then, "falls to 0 as a cosine");
    snprintf(text, capacity, "%g at its peak, after %" PRId64 " step%s of warm-up, then %s", schedule->peak,
             schedule->warmup, schedule->warmup == 1 ? "" : "s", then);
}
