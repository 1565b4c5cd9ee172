/* SPDX-License-Identifier: BSD-3-Clause */
/* Supervised training as a task: fine-tuning from a checkpoint, or the supervised baseline from random weights. */
#include "finetuning.h"

#include "clr/evaluate.h"
#include "clr/hash.h"
#include "clr/labels.h"
#include "clr/contact.h"
#include "clr/log.h"
#include "clr/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static clr_status check_data(clr_finetuning *f)
{
    const clr_finetune_config *c = f->config;
    const clr_store_info *train = clr_store_info_of(f->store), *test = clr_store_info_of(f->test);
    int64_t n;
    clr_status st = clr_labels_apart(f->store, f->test);

    if (st == CLR_OK)
        st = clr_labels_choose(f->store, c->labels, (uint64_t)c->seed, &f->subset, &n);
    if (st == CLR_OK)
        st = clr_labels_match(f->store, f->test, &f->test_labels);
    if (st != CLR_OK)
        return st;
    f->task.samples = n;
    f->classes = train->classes;
    f->channels = c->encoder.channels ? c->encoder.channels : train->channels == 1 ? 1 : 3;
    if (f->channels == 1 && (train->channels != 1 || test->channels != 1))
        return clr_fail(CLR_EINPUT, "%s: has colour images, and the network is for gray ones",
                        train->channels != 1 ? c->data : c->test);
    if (c->batch > n)
        return clr_fail(
            CLR_EUSAGE,
            "--batch=%lld is more than the %lld images that --labels=%s leaves, so that an epoch would have "
            "no step; try --batch=%lld",
            (long long)c->batch, (long long)n, c->labels, (long long)clr_task_fitting_batch(n, INT64_MAX / 2));
    return CLR_OK;
}

static clr_status open_data(clr_finetuning *f)
{
    const clr_finetune_config *c = f->config;
    clr_status st = clr_finetuning_check(c, f->task.options, clr_comm_size(f->task.comm));

    if (st == CLR_OK)
        st = clr_store_open(c->data, &f->store);
    if (st == CLR_OK)
        st = clr_store_open(c->test, &f->test);
    return st == CLR_OK ? check_data(f) : st;
}

/* The dataset's checksum. Where only a part of it is used, the numbers of the images are hashed in, because a list may
   change while its name stays. */
static uint64_t identity(const clr_finetuning *f)
{
    const clr_store_info *info = clr_store_info_of(f->store);

    return f->task.samples == info->images
               ? info->checksum
               : clr_hash(info->checksum, f->subset, (size_t)f->task.samples * sizeof *f->subset);
}

static clr_status prepare(clr_task *task)
{
    clr_finetuning *f = (clr_finetuning *)task;
    const clr_finetune_config *c = f->config = task->config;

    f->first = clr_comm_rank(task->comm) == 0;
    f->row.test_loss = f->row.test_top1 = f->row.test_top5 = f->mean_class = NAN;
    clr_status st = clr_comm_agree(task->comm, open_data(f));
    if (st != CLR_OK)
        return st;
    f->split = clr_split_of(c->batch, c->microbatch, clr_comm_size(task->comm), clr_comm_rank(task->comm));
    f->split.views = 1;
    task->data = c->data;
    task->checksum = identity(f);
    task->seed = (uint64_t)c->seed;
    task->steps_an_epoch = task->samples / c->batch;
    task->samples_a_step = c->batch;
    task->steps = clr_run_steps(c->steps, c->epochs, task->samples, c->batch);
    f->schedule = clr_schedule_of(&c->schedule, c->batch, task->samples, task->steps);
    return CLR_OK;
}

static clr_status open_parts(clr_task *task, const clr_ckpt_meta *meta)
{
    return clr_finetuning_open((clr_finetuning *)task, meta);
}

/* Whether an evaluation is due after `done` steps: at the end, and where a multiple of --test-every was passed. */
static bool test_is_due(const clr_finetuning *f, int64_t done)
{
    const clr_finetune_config *c = f->config;
    double every = c->test_every * (double)f->task.samples / (double)c->batch; /* steps */

    return done == f->task.steps ||
           (c->test_every > 0 && floor((double)done / every) > floor((double)(done - 1) / every));
}

/* Collective; status agreed upon. Test images that cannot be read now cost a point of the curve and no training, but
   for the last evaluation: then the same command makes the last steps and it again. */
static clr_status evaluate(clr_finetuning *f, int64_t done)
{
    clr_status st = clr_finetuning_judge(f);

    if (st == CLR_OK && done == f->task.steps && f->first)
        clr_judge_tables(f);
    if (done == f->task.steps || (st != CLR_EIO && st != CLR_EINPUT))
        return st;
    if (f->first)
        clr_warn("step %" PRId64 ": no evaluation, the training goes on: %s", done, clr_message());
    return CLR_OK;
}

/* The latest evaluation of an earlier start. */
static void recall(clr_finetuning *f)
{
    clr_finetune_row row;

    memcpy(&row, f->task.latest, sizeof row);
    f->row.test_loss = row.test_loss, f->row.test_top1 = row.test_top1, f->row.test_top5 = row.test_top5;
}

static clr_status step(clr_task *task, int64_t number, clr_task_outcome *outcome)
{
    clr_finetuning *f = (clr_finetuning *)task;
    double begin = clr_seconds(), lr = clr_schedule_at(&f->schedule, number);
    clr_batch batch = {0};
    clr_step_result r;

    clr_status st = clr_task_fetch(task, f->loader, number, &batch);
    outcome->postponed = st != CLR_OK;
    if (st != CLR_OK)
        return st;
    for (int i = 0; i < f->split.mine; i++)
        f->labels[i] = clr_store_labels(f->store)[batch.ids[i]];
    st = clr_step_run(f->step, batch.views, f->labels, lr, number, clr_run_requests(task->run), &r);
    if (st != CLR_OK)
        return st == CLR_ENUMERIC ? clr_comm_agree(task->comm, clr_fail_in(st,
                                                                           "step %" PRId64 " (a smaller --lr may "
                                                                           "help, with --allow-change=lr)",
                                                                           number + 1))
                                  : st;
    if (number == task->begin && task->latest)
        recall(f);
    clr_finetune_row *row = &f->row;
    row->loss = r.loss.loss, row->top1 = 100 * r.loss.top1, row->lr = lr, row->grad_norm = r.grad_norm;
    row->images_per_s = (double)f->config->batch / (clr_seconds() - begin);
    row->data_s = batch.data_seconds, row->augment_s = batch.augment_seconds;
    row->forward_s = r.forward, row->loss_s = r.loss_seconds, row->backward_s = r.backward;
    row->reduce_s = r.reduce, row->update_s = r.update, row->exposed_s = r.exposed, row->bn_comm_s = r.bn_comm;
    outcome->requests = r.requests;
    outcome->row = (const double *)row;
    return test_is_due(f, number + 1) ? evaluate(f, number + 1) : CLR_OK;
}

static void describe(const clr_task *task, double steps_per_s, char *text, size_t capacity)
{
    const clr_finetuning *f = (const clr_finetuning *)task;
    const clr_finetune_row *row = &f->row;
    char test[32] = "";

    if (isfinite(row->test_top1))
        snprintf(test, sizeof test, "  test %.1f %%", row->test_top1);
    snprintf(text, capacity, "loss %.4f  top-1 %.1f %%%s  %.4g images/s  lr %.3g", row->loss, row->top1, test,
             (double)f->config->batch * steps_per_s, row->lr);
}

static void summarise(const clr_task *task, const clr_run_result *result, char *text, size_t capacity)
{
    const clr_finetuning *f = (const clr_finetuning *)task;
    const clr_finetune_config *c = f->config;
    clr_finetune_row row;
    char top1[16], top5[16], mean[16];

    memcpy(&row, result->row, sizeof row);
    if (result->steps == task->steps && isfinite(row.test_top1))
        clr_info("verdict: %s %% of the %" PRId64 " test images are classified rightly (by chance %.1f %%), %.1f %% of "
                 "the latest training batch",
                 clr_percent(row.test_top1, top1), clr_store_info_of(f->test)->images, 100.0 / f->classes, row.top1);
    snprintf(text, capacity, "loss=%.6f top1=%s top5=%s mean_class=%s classes=%d labels=%" PRId64 " init=%s", row.loss,
             clr_percent(row.test_top1, top1), clr_percent(row.test_top5, top5), clr_percent(f->mean_class, mean),
             f->classes, task->samples, c->init == CLR_INIT_RANDOM ? "random" : "checkpoint");
}

static clr_status picture(const clr_task *task, uint8_t **png, size_t *bytes)
{
    const clr_finetuning *f = (const clr_finetuning *)task;
    const clr_augment_pair both = {{f->config->augment, f->config->augment}};
    const clr_contact contact = {&both, f->config->encoder.size,
                                 clr_min64(CLR_CONTACT_FEW, clr_store_info_of(f->store)->images), f->config->seed, 0};

    return clr_contact_png(f->store, &contact, CLR_CONTACT_WIDE, png, bytes);
}

static void close_parts(clr_task *task)
{
    clr_finetuning *f = (clr_finetuning *)task;

    clr_loader_close(f->loader);
    clr_free(f->labels);
    clr_step_free(f->step);
    clr_judge_free(f->judge);
    clr_objective_free(f->objective);
    clr_optim_free(task->optim);
    clr_encoder_free(f->encoder);
    clr_params_close(&f->params);
    clr_planner_close(f->planner);
    clr_free(f->subset);
    clr_free(f->test_labels);
    clr_store_close(f->store);
    clr_store_close(f->test);
    clr_free(task->plan);
}

#define COLUMN(name) #name,
static const char *const columns[] = {CLR_FINETUNE_COLUMNS(COLUMN)};

const clr_task_kind clr_task_finetune = {.name = "finetune",
                                         .bytes = sizeof(clr_finetuning),
                                         .column = columns,
                                         .columns = CLR_COUNT(columns),
                                         .prepare = prepare,
                                         .open = open_parts,
                                         .step = step,
                                         .describe = describe,
                                         .summarise = summarise,
                                         .picture = picture,
                                         .close = close_parts};
