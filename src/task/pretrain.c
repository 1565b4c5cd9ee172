/* SPDX-License-Identifier: BSD-3-Clause */
/* Contrastive pretraining as a task: its data, its parts, and its steps (step.c). */
#include "pretraining.h"

#include "clr/contact.h"
#include "clr/log.h"
#include "clr/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

clr_encoder_config clr_pretraining_encoder(const clr_pretraining *p)
{
    clr_encoder_config encoder = p->config->encoder;

    encoder.channels = p->channels;
    encoder.views = CLR_VIEWS * p->split.most;
    encoder.training = true;
    return encoder;
}

clr_loader_config clr_pretraining_loader(const clr_pretraining *p)
{
    const clr_pretrain_config *c = p->config;

    return (clr_loader_config){.views = CLR_VIEWS,
                               .sampler = {(uint64_t)c->seed, p->data ? p->data->images : 0, c->batch},
                               .first = p->split.first,
                               .count = p->split.mine,
                               .channels = p->channels,
                               .size = c->encoder.size,
                               .augment = {c->augment.view[0], c->augment.view[1]},
                               .last_step = p->task.steps};
}

clr_softmax_config clr_pretraining_probe(const clr_pretraining *p, int features)
{
    return (clr_softmax_config){
        "online", features, p->data->classes, CLR_VIEWS * p->split.most, CLR_VIEWS * p->config->batch, true};
}

static clr_status open_data(clr_pretraining *p)
{
    const clr_pretrain_config *c = p->config;
    int ranks = clr_comm_size(p->task.comm);
    clr_status st = CLR_OK;

    if (!c->data || !*c->data)
        st = clr_fail(CLR_EUSAGE, "--data=DATA.h5 is missing: a dataset made by simclr pack");
    if (st == CLR_OK)
        st = clr_pretraining_check(c, p->task.options, NULL, ranks);
    if (st == CLR_OK)
        st = clr_store_open(c->data, &p->store);
    if (st != CLR_OK)
        return st;
    p->data = clr_store_info_of(p->store);
    p->channels = p->data->channels == 1 ? 1 : 3;
    return clr_pretraining_check(c, p->task.options, p->data, ranks);
}

static clr_status prepare(clr_task *task)
{
    clr_pretraining *p = (clr_pretraining *)task;
    const clr_pretrain_config *c = p->config = task->config;

    p->first = clr_comm_rank(task->comm) == 0;
    clr_status st = clr_comm_agree(task->comm, open_data(p));
    if (st != CLR_OK)
        return st;
    p->split = clr_split_of(c->batch, c->microbatch, clr_comm_size(task->comm), clr_comm_rank(task->comm));
    p->chance = clr_loss_chance(&c->loss, c->batch);
    task->data = c->data;
    task->checksum = p->data->checksum;
    task->samples = p->data->images;
    task->seed = (uint64_t)c->seed;
    task->steps_an_epoch = p->data->images / c->batch;
    task->samples_a_step = c->batch;
    task->steps = clr_run_steps(c->steps, c->epochs, task->samples, c->batch);
    p->schedule = clr_schedule_of(&c->schedule, c->batch, p->data->images, task->steps);
    return CLR_OK;
}

static clr_status open_parts(clr_task *task, const clr_ckpt_meta *meta)
{
    return clr_pretraining_open((clr_pretraining *)task, meta);
}

/* Where a number is not finite, the rank that has it names the images, and every rank gets its message. */
static clr_status report_nonfinite(const clr_pretraining *p, int64_t done, const clr_step_result *result,
                                   const clr_batch *batch)
{
    bool known = result->nonfinite_images > 0;
    int n = known ? result->nonfinite_images : (int)clr_min64(CLR_STEP_NONFINITE, p->split.mine);

    if (!result->nonfinite_here)
        return clr_comm_agree(p->task.comm, CLR_OK);
    char *list = clr_copy_text(""), *where = clr_copy_text(clr_message());
    for (int i = 0; i < n; i++) {
        int64_t id = batch->ids[known ? result->nonfinite_image[i] : i];
        char *name = NULL, *longer;
        if (clr_store_name(p->store, id, &name) != CLR_OK)
            name = clr_copy_text("?");
        longer = clr_text("%s%s%" PRId64 " (%s)", list, i ? ", " : "", id, name);
        clr_free(name);
        clr_free(list);
        list = longer;
    }
    clr_fail(CLR_ENUMERIC,
             "step %" PRId64 ": %s; %s images of this rank: %s. A smaller --lr may help (with --allow-change=lr)", done,
             where, known ? "from the" : "among the", list);
    clr_free(where);
    clr_free(list);
    return clr_comm_agree(p->task.comm, CLR_ENUMERIC);
}

static clr_pretrain_row row_of(const clr_pretraining *p, const clr_step_result *result, const clr_batch *batch,
                               double lr, double seconds)
{
    const clr_objective_result *loss = &result->loss;

    return (clr_pretrain_row){.loss = loss->loss,
                              .chance = p->chance,
                              .contrast_top1 = loss->top1,
                              .contrast_top5 = loss->top5,
                              .entropy = loss->entropy,
                              .lr = lr,
                              .grad_norm = result->grad_norm,
                              .images_per_s = (double)p->config->batch / seconds,
                              .data_s = batch->data_seconds,
                              .augment_s = batch->augment_seconds,
                              .forward_s = result->forward,
                              .gather_s = result->gather,
                              .loss_s = result->loss_seconds,
                              .backward_s = result->backward,
                              .reduce_s = result->reduce,
                              .update_s = result->update,
                              .exposed_s = result->exposed,
                              .bn_comm_s = result->bn_comm,
                              .positive = loss->positive,
                              .negative = loss->negative,
                              .online_top1 = result->online_top1,
                              .spread = loss->spread};
}

static clr_status step(clr_task *task, int64_t number, clr_task_outcome *outcome)
{
    clr_pretraining *p = (clr_pretraining *)task;
    double begin = clr_seconds(), lr = clr_schedule_at(&p->schedule, number);
    const clr_verdict_of of = {&p->schedule, task->begin, task->steps_an_epoch, p->chance, p->first};
    clr_batch batch = {0};
    clr_step_result result;

    clr_status st = clr_task_fetch(task, p->loader, number, &batch);
    outcome->postponed = st != CLR_OK;
    if (st != CLR_OK)
        return st;
    for (int i = 0; p->labels && i < p->split.mine; i++)
        p->labels[i] = clr_store_labels(p->store)[batch.ids[i]];
    unsigned requests = clr_run_requests(task->run);
    st = clr_step_run(p->step, batch.views, p->labels, lr, number, requests, &result);
    if (st != CLR_OK)
        return st == CLR_ENUMERIC ? report_nonfinite(p, number + 1, &result, &batch) : st;
    p->row = row_of(p, &result, &batch, lr, clr_seconds() - begin);
    outcome->requests = result.requests;
    outcome->row = (const double *)&p->row;
    clr_verdict_step(&p->verdict, &of, number + 1, &result.loss);
    return CLR_OK;
}

static void describe(const clr_task *task, double steps_per_s, char *text, size_t capacity)
{
    const clr_pretraining *p = (const clr_pretraining *)task;
    const clr_pretrain_row *row = &p->row;
    char chance[32] = "", online[32] = "";

    if (isfinite(p->chance))
        snprintf(chance, sizeof chance, " (chance %.4f)", p->chance);
    if (isfinite(row->online_top1))
        snprintf(online, sizeof online, "  probe %.1f %%", 100 * row->online_top1);
    snprintf(text, capacity, "loss %.4f%s  contrast %.1f %%%s  %.4g views/s  lr %.3g", row->loss, chance,
             100 * row->contrast_top1, online, (double)(CLR_VIEWS * p->config->batch) * steps_per_s, row->lr);
}

static void summarise(const clr_task *task, const clr_run_result *result, char *text, size_t capacity)
{
    const clr_pretraining *p = (const clr_pretraining *)task;
    clr_pretrain_row row;
    char chance[32] = "";

    memcpy(&row, result->row, sizeof row);
    if (result->steps == task->steps)
        clr_verdict_say(&p->verdict, p->config->batch, row.contrast_top1, row.loss, p->chance);
    if (isfinite(p->chance)) /* not every loss has one */
        snprintf(chance, sizeof chance, " chance=%.6f", p->chance);
    snprintf(text, capacity, "loss=%.6f%s contrast_top1=%.4f views_per_s=%.1f", row.loss, chance, row.contrast_top1,
             CLR_VIEWS *
                 (isfinite(result->steps_per_s) ? (double)p->config->batch * result->steps_per_s : row.images_per_s));
}

static clr_status picture(const clr_task *task, uint8_t **png, size_t *bytes)
{
    const clr_pretraining *p = (const clr_pretraining *)task;
    const clr_contact contact = {&p->config->augment, p->config->encoder.size,
                                 clr_min64(CLR_CONTACT_FEW, p->data->images), p->config->seed, 0};

    return clr_contact_png(p->store, &contact, CLR_CONTACT_WIDE, png, bytes);
}

static void close_parts(clr_task *task)
{
    clr_pretraining *p = (clr_pretraining *)task;

    clr_loader_close(p->loader);
    clr_free(p->labels);
    clr_step_free(p->step);
    clr_objective_free(p->objective);
    clr_objective_free(p->observer);
    clr_optim_free(task->optim);
    clr_encoder_free(p->encoder);
    clr_params_close(&p->params);
    clr_planner_close(p->planner);
    clr_store_close(p->store);
    clr_free(task->plan);
}

#define COLUMN(name) #name,
static const char *const columns[] = {CLR_PRETRAIN_COLUMNS(COLUMN)};

const clr_task_kind clr_task_pretrain = {.name = "pretrain",
                                         .bytes = sizeof(clr_pretraining),
                                         .column = columns,
                                         .columns = CLR_COUNT(columns),
                                         .prepare = prepare,
                                         .open = open_parts,
                                         .step = step,
                                         .describe = describe,
                                         .summarise = summarise,
                                         .picture = picture,
                                         .close = close_parts};
