/* SPDX-License-Identifier: BSD-3-Clause */
/* The method. One step over the global batch of G images, 2G views (supervised: one view each):

     z = g(f(views))  ->  all z gathered  ->  loss, dz  ->  backward, sums over ranks on the way  ->  update.

   With M microbatches, the embeddings of all microbatches come first. Then the loss sees the whole batch. Then each
   microbatch is encoded again and its part of dz goes backward. Gradients add up to those of the whole batch. Batch
   norm's statistics are those of one microbatch, over all ranks. Image p of the global batch belongs to microbatch
   p mod M, whichever rank holds it, so that the number of ranks changes nothing. Running statistics move in the first
   pass only, once a microbatch. */
#include "stepping.h"

#include "clr/mem.h"
#include "clr/allreduce.h"
#include "clr/watchdog.h"
#include "nonfinite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RIGHT = CLR_STEP_FLAGS - 1 }; /* counts correct predictions of the observer; the other flags are requests */
enum {
    BUCKET = 1 << 20
}; /* floats: 4 MiB; small enough to hide most of the last one, large enough for full bandwidth */

int64_t clr_step_bytes(const clr_split *split, int64_t pixels, int dim, int features)
{
    int64_t floats = 2 * split->views * (int64_t)split->mine * dim;

    if (split->microbatches > 1)
        floats += split->views * (int64_t)split->most * (pixels + dim);
    floats += split->views * (int64_t)split->most * features;
    return floats * (int64_t)sizeof(float);
}

clr_status clr_step_new(clr_comm *comm, const clr_step_parts *parts, const clr_split *split, int64_t pixels,
                        clr_step **out)
{
    clr_step *step = CLR_NEW(clr_step, 1);
    clr_params *params = clr_encoder_params(parts->encoder);
    int64_t most = split->views * (int64_t)split->most;

    *step = (clr_step){.comm = comm,
                       .encoder = parts->encoder,
                       .objective = parts->objective,
                       .observer = parts->observer,
                       .optim = parts->optim,
                       .split = *split,
                       .pixels = pixels,
                       .dim = clr_encoder_outputs(parts->encoder)};
    step->z = CLR_NEW(float, split->views *(int64_t)split->mine * step->dim);
    step->dz = CLR_NEW(float, split->views *(int64_t)split->mine * step->dim);
    if (split->microbatches > 1) {
        step->x = CLR_NEW(float, most *pixels);
        step->microbatch_z = CLR_NEW(float, most * step->dim);
    }
    if (step->observer) {
        step->h = CLR_NEW(float, most * step->observer->dim);
        step->labels = CLR_NEW(int32_t, most);
    }
    if (step->objective->op->labels)
        step->own_labels = CLR_NEW(int32_t, split->views * (int64_t)split->mine);
    step->reduce = clr_allreduce_new(comm, params->grad,
                                     &(clr_allreduce_plan){.floats = params->weights.floats + CLR_STEP_FLAGS,
                                                           .bucket = BUCKET,
                                                           .exact = CLR_STEP_FLAGS,
                                                           .wire = parts->wire});
    *out = step;
    return CLR_OK;
}

void clr_step_free(clr_step *step)
{
    if (!step)
        return;
    clr_allreduce_free(step->reduce);
    clr_free(step->h);
    clr_free(step->labels);
    clr_free(step->own_labels);
    clr_free(step->z);
    clr_free(step->dz);
    clr_free(step->x);
    clr_free(step->microbatch_z);
    clr_free(step);
}

/* The loss is not finite, or embeddings are not. */
static clr_status bad_loss(clr_step *step, clr_step_result *result)
{
    const clr_nonfinite_rows rows = {step->z, step->split.views, step->split.mine, step->dim};

    return clr_nonfinite_loss(step->comm, &rows, result);
}

/* Called where the sum over ranks is not finite: every rank computes its own gradient once more to see whether it is
   the source. */
static clr_status bad_gradient(clr_step *step, const float *views, clr_step_result *result)
{
    const clr_params *params = clr_encoder_params(step->encoder);
    const char *sum = clr_nonfinite_gradient(params);
    double unused = 0;

    clr_step_back(step, views, true, NULL, &unused);
    return clr_nonfinite_sum(step->comm, sum, clr_nonfinite_gradient(params), result);
}

/* Collective; status agreed upon. The gradient of the mean loss over the global batch, and the loss. Objectives that do
   not couple rows return their rank's part. */
static clr_status apply_objective(clr_step *step, const int32_t *labels, clr_objective_result *result)
{
    clr_objective *objective = step->objective;
    const clr_split *split = &step->split;
    const clr_objective_rows rows = {
        .x = step->z, .labels = step->own_labels, .n = split->views * split->mine, .first = true};

    for (int view = 0; step->own_labels && view < split->views; view++)
        memcpy(step->own_labels + view * split->mine, labels, (size_t)split->mine * sizeof *labels);
    clr_status st = clr_comm_agree(step->comm, clr_objective_apply(objective, &rows, step->dz, result));
    if (st != CLR_OK || objective->op->whole)
        return st;
    double sums[2] = {result->loss, (double)result->right};
    clr_comm_allreduce_sum_double(step->comm, sums, 2);
    result->loss = sums[0];
    result->right = (int64_t)sums[1];
    result->top1 = sums[1] / (double)(split->views * split->images);
    return CLR_OK;
}

clr_status clr_step_run(clr_step *step, const float *views, const int32_t *labels, double lr, int64_t number,
                        unsigned requests, clr_step_result *result)
{
    clr_params *params = clr_encoder_params(step->encoder);
    float *flag = params->grad + params->weights.floats;
    double begin = clr_seconds(), now;

    *result = (clr_step_result){0};
    int64_t right = clr_step_embed(step, views, labels, &result->bn_comm);
    result->forward = (now = clr_seconds()) - begin;

    begin = now;
    clr_watch_phase("the loss", -1);
    clr_status st = apply_objective(step, labels, &result->loss);
    if (st != CLR_OK && st != CLR_ENUMERIC)
        return st;
    if (st == CLR_ENUMERIC || !isfinite(result->loss.loss))
        return bad_loss(step, result);
    result->gather = result->loss.gather_seconds;
    result->loss_seconds = (now = clr_seconds()) - begin - result->gather;

    begin = now;
    for (int i = 0; i < RIGHT; i++)
        flag[i] = (float)(requests >> i & 1);
    flag[RIGHT] = (float)right;
    clr_allreduce_begin(step->reduce);
    clr_step_back(step, views, step->split.microbatches > 1, step->reduce, &result->bn_comm);
    result->backward = (now = clr_seconds()) - begin;
    clr_watch_phase("the sum of gradients", -1);
    result->exposed = clr_allreduce_end(step->reduce);
    result->reduce = clr_allreduce_seconds(step->reduce);

    begin = clr_seconds();
    clr_watch_phase("the update", -1);
    result->online_top1 = step->observer ? flag[RIGHT] / (double)(step->split.views * step->split.images) : NAN;
    for (int i = 0; i < RIGHT; i++)
        result->requests |= flag[i] > 0 ? 1u << i : 0;
    result->grad_norm = clr_grad_norm(params);
    if (!isfinite(result->grad_norm))
        return bad_gradient(step, views, result);
    clr_optim_step(step->optim, lr, number);
    result->update = clr_seconds() - begin;
    return CLR_OK;
}
