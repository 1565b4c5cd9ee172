/* SPDX-License-Identifier: BSD-3-Clause */
/* Pretraining's parts: planner, network, objectives, optimizer, step, loader. */
#include "pretraining.h"

#include "clr/allreduce.h"
#include "clr/log.h"
#include "clr/mem.h"

#include <inttypes.h>
#include <math.h>

static const char *s(int64_t n)
{
    return n == 1 ? "" : "s";
}

/* LARS changes a layer by lr / 1000 of its size a step, momentum multiplies that by 1 / (1 - momentum). Where all steps
   together cannot change a layer by twice its size, the network stays what it was. */
static void doubt_lars(const clr_pretraining *p)
{
    const clr_pretrain_config *c = p->config;
    double change = 1e-3 / (1 - c->optim.momentum) * clr_schedule_sum(&p->schedule);

    if (p->first && c->optim.kind == CLR_OPTIM_lars && change < 2)
        clr_warn("LARS changes a layer by at most %.2g times its size in these %" PRId64
                 " steps: too little to learn; give more --epochs, a larger --lr, or --optimizer=adamw",
                 change, p->task.steps);
}

static void report(const clr_pretraining *p)
{
    const clr_pretrain_config *c = p->config;
    const clr_task *task = &p->task;
    int64_t warmup = p->schedule.warmup;
    char rate[256];
    int m = p->split.microbatches;

    clr_info("%s: %" PRId64 " images; global batch %" PRId64 " images = %" PRId64
             " views, %d images for a rank; %" PRId64 " step%s an epoch (%" PRId64 " images left out of each), %" PRId64
             " step%s = %.4g epochs in all",
             c->data, p->data->images, c->batch, CLR_VIEWS * c->batch, p->split.mine, task->steps_an_epoch,
             s(task->steps_an_epoch), p->data->images % c->batch, task->steps, s(task->steps),
             (double)task->steps * (double)c->batch / (double)task->samples);
    if (m > 1)
        clr_info("%d microbatches of at most %" PRId64
                 " images over all ranks: the loss sees the whole batch, batch norm one microbatch",
                 m, (c->batch + m - 1) / m);
    clr_schedule_words(&p->schedule, rate, sizeof rate);
    clr_info("learning rate: --lr=%g is %s", c->schedule.base, rate);
    if (p->first && warmup >= task->steps)
        clr_warn("the warm-up of %" PRId64
                 " steps is as long as the run: the learning rate never gets beyond %.3g; give a smaller "
                 "--warmup-epochs",
                 warmup, clr_schedule_at(&p->schedule, task->steps - 1));
    doubt_lars(p);
    if (isfinite(p->chance))
        clr_info("a network that has learned nothing has a loss of %.4f", p->chance);
}

/* Collective. The network and what is trained with it, with its initial weights. */
static clr_status open_network(clr_pretraining *p, const clr_ckpt_meta *meta)
{
    const clr_pretrain_config *c = p->config;
    clr_comm *comm = p->task.comm;
    clr_encoder_config encoder = clr_pretraining_encoder(p);
    int64_t resumes = meta->config != NULL;
    char *path = c->run.run_dir ? clr_text("%s/plan", c->run.run_dir) : NULL;

    clr_status st = clr_task_planner(&p->task, c->plan, meta, path, &p->planner);
    if (st == CLR_OK)
        st = clr_pretraining_memory(p, NULL);
    if (st == CLR_OK)
        st = clr_comm_agree(comm, clr_encoder_new(comm, p->planner, &encoder, &p->params, &p->encoder));
    if (st == CLR_OK)
        st = clr_comm_agree(comm, p->first && !p->task.trial ? clr_planner_save(p->planner, path) : CLR_OK);
    clr_free(path);
    if (st != CLR_OK)
        return st;
    p->task.plan = clr_planner_text(p->planner);
    if (c->online_probe) {
        const clr_softmax_config probe = clr_pretraining_probe(p, clr_encoder_features(p->encoder));
        p->observer = clr_softmax_new(&p->params, &probe);
        p->labels = CLR_NEW(int32_t, p->split.mine);
    }
    clr_params_open(&p->params);
    clr_params_init(&p->params, p->task.seed);
    clr_comm_broadcast(comm, &resumes, sizeof resumes, 0);
    if (!resumes && c->init && *c->init)
        st = clr_task_start(comm, c->init, &p->params, false);
    if (st != CLR_OK)
        return st;
    p->task.params = &p->params;
    p->task.optim = clr_optim_new(&c->optim, &p->params);
    return clr_comm_agree(comm, clr_loss_new(comm, &c->loss, c->batch, clr_encoder_outputs(p->encoder), &p->objective));
}

clr_status clr_pretraining_open(clr_pretraining *p, const clr_ckpt_meta *meta)
{
    clr_task *task = &p->task;
    const clr_loader_config loader = clr_pretraining_loader(p);
    int64_t size = p->config->encoder.size;

    if (!task->silent)
        report(p);
    clr_status st = open_network(p, meta);
    if (st != CLR_OK)
        return st;
    const clr_step_parts parts = {p->encoder, p->objective, p->observer, task->optim, p->config->wire};
    st = clr_step_new(task->comm, &parts, &p->split, size * size * p->channels, &p->step);
    if (st == CLR_OK)
        st = clr_loader_open(p->store, &loader, &p->loader);
    return clr_comm_agree(task->comm, st);
}
