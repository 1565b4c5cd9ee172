/* SPDX-License-Identifier: BSD-3-Clause */
/* A step's passes through the encoder, microbatch by microbatch. */
#include "stepping.h"

#include "clr/mem.h"
#include "clr/watchdog.h"

#include <string.h>

/* The rows of microbatch i of (2B, width), both views, to a contiguous (2n, width). */
static void collect(const clr_step *step, const float *all, int i, int64_t width, float *part)
{
    for (int view = 0; view < step->split.views; view++)
        for (int j = clr_split_first(&step->split, i); j < step->split.mine;
             j += step->split.microbatches, part += width)
            memcpy(part, all + ((int64_t)view * step->split.mine + j) * width, (size_t)width * sizeof *part);
}

static void spread(const clr_step *step, const float *part, int i, int64_t width, float *all)
{
    for (int view = 0; view < step->split.views; view++)
        for (int j = clr_split_first(&step->split, i); j < step->split.mine;
             j += step->split.microbatches, part += width)
            memcpy(all + ((int64_t)view * step->split.mine + j) * width, part, (size_t)width * sizeof *part);
}

/* Encodes microbatch i; z: contiguous. */
static void encode(clr_step *step, const float *views, int i, bool update, float *z)
{
    int64_t all = step->split.views * clr_split_total(&step->split, i);

    if (step->split.microbatches > 1) {
        collect(step, views, i, step->pixels, step->x);
        views = step->x;
    }
    clr_encoder_forward(step->encoder, views, step->split.views * clr_split_count(&step->split, i), all, update,
                        update ? step->h : NULL, z);
}

/* The number of views of microbatch i, just encoded, that the observer classifies correctly. */
static int64_t observe(clr_step *step, const int32_t *labels, int i)
{
    int32_t *to = step->labels;

    for (int view = 0; view < step->split.views; view++)
        for (int j = clr_split_first(&step->split, i); j < step->split.mine; j += step->split.microbatches)
            *to++ = labels[j];
    const clr_objective_rows rows = {step->h, step->labels, step->split.views * clr_split_count(&step->split, i),
                                     i == 0};
    clr_objective_result result;
    clr_objective_apply(step->observer, &rows, NULL, &result);
    return result.right;
}

int64_t clr_step_embed(clr_step *step, const float *views, const int32_t *labels, double *bn_comm)
{
    int64_t right = 0;

    for (int i = 0; i < step->split.microbatches; i++) {
        clr_watch_phase("the forward pass", -1);
        encode(step, views, i, true, step->split.microbatches > 1 ? step->microbatch_z : step->z);
        if (step->split.microbatches > 1)
            spread(step, step->microbatch_z, i, step->dim, step->z);
        right += step->observer ? observe(step, labels, i) : 0;
        *bn_comm += clr_encoder_times_of(step->encoder)->batch_norm_comm;
    }
    return right;
}

static void on_ready(void *context, int64_t from)
{
    clr_allreduce_ready(context, from);
}

void clr_step_back(clr_step *step, const float *views, bool again, clr_allreduce *reduce, double *bn_comm)
{
    for (int i = 0; i < step->split.microbatches; i++) {
        const float *dz = step->dz;
        double before = clr_encoder_times_of(step->encoder)->batch_norm_comm;
        clr_watch_phase("the backward pass", -1);
        if (again) {
            encode(step, views, i, false, step->split.microbatches > 1 ? step->microbatch_z : step->z);
            before = 0;
        }
        if (step->split.microbatches > 1) {
            collect(step, step->dz, i, step->dim, step->microbatch_z);
            dz = step->microbatch_z;
        }
        clr_encoder_backward(step->encoder, dz, i > 0, reduce && i == step->split.microbatches - 1 ? on_ready : NULL,
                             reduce);
        *bn_comm += clr_encoder_times_of(step->encoder)->batch_norm_comm - before;
    }
}
