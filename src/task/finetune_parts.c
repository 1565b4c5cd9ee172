/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of supervised training: planner, network with the weights it starts from, classifier, optimizer, step,
   loader. */
#include "finetuning.h"

#include "clr/allreduce.h"
#include "clr/log.h"
#include "clr/mem.h"

#include <inttypes.h>

static void report(const clr_finetuning *f)
{
    static const char *const frozen[] = {"",
                                         ", the stem frozen",
                                         ", stem and group 1 frozen",
                                         ", stem and groups 1 and 2 frozen",
                                         ", stem and groups 1 to 3 frozen",
                                         ", all but the classifier frozen"};
    const clr_finetune_config *c = f->config;
    const clr_task *task = &f->task;
    char rate[256];

    clr_schedule_words(&f->schedule, rate, sizeof rate);
    clr_info("%s: %" PRId64 " of %" PRId64 " images with labels (--labels=%s), %d classes; batch %" PRId64 ", %" PRId64
             " steps an epoch, %" PRId64 " steps = %.4g epochs in all",
             c->data, task->samples, clr_store_info_of(f->store)->images, c->labels, f->classes, c->batch,
             task->steps_an_epoch, task->steps, (double)task->steps * (double)c->batch / (double)task->samples);
    clr_info("start: %s%s%s; learning rate %s", c->init == CLR_INIT_RANDOM ? "random weights" : c->checkpoint,
             frozen[c->frozen], c->from ? ", with the projection head's first layers" : "", rate);
}

static clr_encoder_config encoder_of(const clr_finetuning *f)
{
    clr_encoder_config e = f->config->encoder;

    e.channels = f->channels;
    e.views = f->split.most;
    e.training = true;
    e.frozen = f->config->frozen;
    e.head = f->config->from ? CLR_HEAD_NONLINEAR : CLR_HEAD_NONE;
    e.head_layers = f->config->from;
    e.head_dim = 1; /* not used: the layers taken are as wide as h */
    e.head_relu = f->config->from > 0;
    return e;
}

static clr_loader_config loader_of(const clr_finetuning *f)
{
    const clr_finetune_config *c = f->config;

    return (clr_loader_config){.views = 1,
                               .subset = f->subset,
                               .sampler = {(uint64_t)c->seed, f->task.samples, c->batch},
                               .first = f->split.first,
                               .count = f->split.mine,
                               .channels = f->channels,
                               .size = c->encoder.size,
                               .augment = {c->augment, c->augment},
                               .last_step = f->task.steps};
}

/* Collective; status agreed upon. */
static clr_status check_memory(const clr_finetuning *f, const clr_encoder_config *encoder)
{
    const clr_loader_config loader = loader_of(f);
    const clr_budget budget = clr_memory_budget(clr_comm_node_size(f->task.comm));
    int64_t pixels = (int64_t)encoder->size * encoder->size * encoder->channels;
    clr_encoder_needs network;
    clr_status st = clr_comm_agree(f->task.comm, clr_encoder_memory(f->task.comm, f->planner, encoder, &network));

    if (st != CLR_OK)
        return st;
    double slots = clr_optim_slots_of(f->config->optim.kind) * (double)network.params / 2;
    double need =
        ((double)network.params + slots) * (f->first ? 2 : 1) + (double)(network.stored + network.workspace) +
        (double)clr_loader_bytes(f->store, &loader) + (double)clr_step_bytes(&f->split, pixels, network.outputs, 0) +
        (double)clr_judge_bytes(f, network.outputs) +
        (double)clr_allreduce_bytes(f->task.comm, network.params / 2 / (int64_t)sizeof(float), f->config->wire);
    if (need > (double)budget.bytes)
        st = clr_fail(
            CLR_EMEMORY,
            "a rank needs %.2f GB and has %.2f (%s): a smaller --batch, --microbatch, --recompute, fewer ranks "
            "on a node or more nodes help",
            need * 1e-9, (double)budget.bytes * 1e-9, budget.by);
    return clr_comm_agree(f->task.comm, st);
}

/* Collective; status agreed upon. The network with its initial weights; a run that goes on overwrites them. */
static clr_status open_network(clr_finetuning *f, const clr_ckpt_meta *meta)
{
    const clr_finetune_config *c = f->config;
    clr_task *task = &f->task;
    clr_comm *comm = task->comm;
    char *path = c->run.run_dir ? clr_text("%s/plan", c->run.run_dir) : NULL;
    clr_encoder_config encoder = encoder_of(f);
    int64_t resumes = meta->config != NULL;

    clr_status st = clr_task_planner(task, c->plan, meta, path, &f->planner);
    if (st == CLR_OK)
        st = check_memory(f, &encoder);
    if (st == CLR_OK)
        st = clr_comm_agree(comm, clr_encoder_new(comm, f->planner, &encoder, &f->params, &f->encoder));
    if (st == CLR_OK)
        st = clr_comm_agree(comm, f->first && !task->trial ? clr_planner_save(f->planner, path) : CLR_OK);
    clr_free(path);
    if (st != CLR_OK)
        return st;
    task->plan = clr_planner_text(f->planner);
    const clr_softmax_config classifier = {
        "classifier", clr_encoder_outputs(f->encoder), f->classes, f->split.mine, c->batch, false};
    f->weight = f->params.weights.entries;
    f->objective = clr_softmax_new(&f->params, &classifier);
    clr_params_open(&f->params);
    clr_params_init(&f->params, task->seed);
    clr_comm_broadcast(comm, &resumes, sizeof resumes, 0);
    if (!resumes && c->init == CLR_INIT_CHECKPOINT)
        st = clr_task_start(comm, c->checkpoint, &f->params, true);
    task->params = &f->params;
    task->optim = clr_optim_new(&c->optim, &f->params);
    return st;
}

clr_status clr_finetuning_open(clr_finetuning *f, const clr_ckpt_meta *meta)
{
    clr_task *task = &f->task;
    const clr_loader_config loader = loader_of(f);
    int64_t size = f->config->encoder.size;

    report(f);
    clr_status st = open_network(f, meta);
    if (st != CLR_OK)
        return st;
    const clr_step_parts parts = {f->encoder, f->objective, NULL, task->optim, f->config->wire};
    f->labels = CLR_NEW(int32_t, f->split.mine);
    f->judge = clr_judge_new(f);
    st = clr_step_new(task->comm, &parts, &f->split, size * size * f->channels, &f->step);
    if (st == CLR_OK)
        st = clr_loader_open(f->store, &loader, &f->loader);
    return clr_comm_agree(task->comm, st);
}
