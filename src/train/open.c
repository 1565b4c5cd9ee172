/* SPDX-License-Identifier: BSD-3-Clause */
/* From options to the first step: the data, the run directory, the parts, the newest good checkpoint. */
#include "training.h"

#include "clr/gemm.h"
#include "clr/isa.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "folder.h"
#include "watch.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static clr_status open_data(clr_training *t)
{
    const clr_config *c = t->config;
    clr_status st = CLR_OK;

    if (!c->data || !*c->data)
        st = clr_fail(CLR_EUSAGE, "--data=DATA.h5 is missing: a dataset made by simclr pack");
    else if (!c->run_dir || !*c->run_dir)
        st = clr_fail(CLR_EUSAGE, "--run-dir=DIR is missing: where the run lives");
    if (st == CLR_OK)
        st = clr_config_check(c, t->options, NULL, clr_comm_size(t->comm));
    if (st == CLR_OK)
        st = clr_store_open(c->data, &t->store);
    if (st != CLR_OK)
        return st;
    t->data = clr_store_info_of(t->store);
    t->channels = t->data->channels == 1 ? 1 : 3;
    t->text = clr_folder_text(t->options, t->data);
    return clr_config_check(c, t->options, t->data, clr_comm_size(t->comm));
}

static clr_status open_loader_config(const clr_training *t, clr_loader_config *loader)
{
    const clr_config *c = t->config;

    *loader = (clr_loader_config){.sampler = {(uint64_t)c->seed, t->data->images, c->batch},
                                  .first = clr_share(c->batch, clr_comm_size(t->comm), clr_comm_rank(t->comm)),
                                  .count = clr_training_share(t),
                                  .channels = t->channels,
                                  .size = (int)c->image_size,
                                  .last_step = t->total};
    clr_status st = clr_augment_parse(c->augment, &loader->augment[0]);
    return st == CLR_OK ? clr_augment_parse(c->augment_second ? c->augment_second : c->augment, &loader->augment[1])
                        : st;
}

static void set_schedule(clr_training *t)
{
    const clr_config *c = t->config;
    const clr_loss_config loss = clr_config_loss(c);

    t->chance = clr_loss_chance(&loss, c->batch);
    t->per_epoch = t->data->images / c->batch;
    t->total = c->steps ? c->steps : clr_max64(1, (int64_t)(c->epochs * (double)t->data->images / (double)c->batch));
    t->schedule = clr_schedule_of(c->lr, c->lr_scaling, c->batch, c->warmup_epochs, t->data->images, t->total);
    t->views = (int)clr_step_views(c->batch, clr_comm_size(t->comm), c->microbatch);
}

static char *layout_of(const clr_training *t)
{
    int ranks = clr_comm_size(t->comm), nodes = clr_comm_nodes(t->comm);

    return clr_text("%d rank%s on %d node%s, %d thread%s each, %s kernels, %s", ranks, ranks == 1 ? "" : "s", nodes,
                    nodes == 1 ? "" : "s", t->threads, t->threads == 1 ? "" : "s", clr_isa_name(clr_isa_current()),
                    clr_gemm_library());
}

/* Rank 0: the newest good checkpoint, and what it says of itself: which solvers convolutions had comes before the
   parts. */
static clr_status find(clr_training *t)
{
    char *folder = clr_text("%s/checkpoints", t->config->run_dir);
    double begin = clr_seconds();
    clr_status st = clr_ckpt_newest(folder, &t->from);

    if (st == CLR_OK && t->from)
        st = clr_ckpt_read_meta(t->from, &t->meta);
    if (st == CLR_OK && t->from) {
        st = clr_folder_compare(t->config, t->options, t->data, t->meta.config);
        if (st != CLR_OK)
            st = clr_fail_in(st, "%s is of another run", t->from);
    }
    t->reading = clr_seconds() - begin;
    clr_free(folder);
    return st;
}

/* Collective. The planner, with the checkpoint's choices, or where it is of a version that kept none there, those of
   RUN/plan. */
static clr_status open_planner(clr_training *t, const char *path)
{
    const clr_config *c = t->config;
    bool anew = clr_opt_listed("plan", c->allow_change);
    int64_t kept = t->meta.plan && !anew;

    clr_comm_broadcast(t->comm, &kept, sizeof kept, 0);
    clr_status st =
        clr_comm_agree(t->comm, clr_planner_open(t->comm, c->plan, kept || anew ? NULL : path, &t->planner));
    if (st == CLR_OK && kept)
        clr_planner_take(t->planner, t->meta.plan);
    else if (st == CLR_OK && t->from && !anew && !clr_planner_choices(t->planner) && !strncmp(c->plan, "measure", 7))
        clr_warn("%s: is of a version that kept no plan in it, and %s is none for this machine: convolutions are "
                 "measured anew, and where others win, "
                 "the last bits are others",
                 t->from, path);
    return st;
}

static clr_status open_parts(clr_training *t, const clr_loader_config *loader)
{
    const clr_config *c = t->config;
    clr_encoder_config encoder = clr_config_encoder(c, t->channels);
    encoder.views = t->views;
    encoder.training = true;
    clr_optim_config optim = clr_config_optim(c);
    clr_loss_config loss = clr_config_loss(c);
    char *plan = clr_text("%s/plan", c->run_dir);

    clr_watch_phase("planning", 0);
    clr_status st = clr_comm_agree(t->comm, t->first ? find(t) : CLR_OK);
    if (st == CLR_OK)
        st = open_planner(t, plan);
    if (st == CLR_OK)
        st = clr_training_memory(t, &encoder, loader, NULL);
    if (st == CLR_OK)
        st = clr_comm_agree(t->comm, clr_encoder_new(t->comm, t->planner, &encoder, &t->params, &t->encoder));
    if (st == CLR_OK)
        st = clr_comm_agree(t->comm, t->first ? clr_planner_save(t->planner, plan) : CLR_OK);
    clr_free(plan);
    if (st != CLR_OK)
        return st;
    t->plan = clr_planner_text(t->planner);
    t->layout = layout_of(t);
    if (c->online_probe) {
        const clr_softmax_config probe = clr_training_probe(t, clr_encoder_features(t->encoder));
        t->observer = clr_softmax_new(&t->params, &probe);
    }
    clr_params_open(&t->params);
    clr_params_init(&t->params, (uint64_t)c->seed);
    t->optim = clr_optim_new(&optim, clr_encoder_params(t->encoder));
    st =
        clr_comm_agree(t->comm, clr_loss_new(t->comm, &loss, c->batch, clr_encoder_outputs(t->encoder), &t->objective));
    const clr_step_parts parts = {t->encoder, t->objective, t->observer, t->optim};
    if (st == CLR_OK)
        st = clr_comm_agree(t->comm, clr_step_new(t->comm, &parts, c->batch, c->microbatch,
                                                  c->image_size * c->image_size * t->channels, &t->step));
    if (c->online_probe)
        t->labels = CLR_NEW(int32_t, clr_training_share(t));
    return st == CLR_OK ? clr_comm_agree(t->comm, clr_loader_open(t->store, loader, &t->loader)) : st;
}

/* Rank 0: that checkpoint into the parts; its step, or -1. */
static clr_status load(clr_training *t, int64_t *step)
{
    char *folder = clr_text("%s/checkpoints", t->config->run_dir);
    double begin = clr_seconds();
    clr_state state = clr_state_of(&t->params, t->optim);
    clr_status st = t->from ? clr_ckpt_read(t->from, &state) : CLR_OK;

    clr_state_free(&state);
    *step = -1;
    if (st == CLR_OK && t->from)
        st = clr_ckpt_set_aside(folder, t->meta.step);
    if (st == CLR_OK && t->from) {
        *step = t->meta.step;
        t->reading += clr_seconds() - begin;
        clr_info("going on from %s: step %" PRId64 " of %" PRId64, t->from, t->meta.step, t->total);
        if (t->meta.layout && strcmp(t->meta.layout, t->layout))
            clr_info("this checkpoint was made with %s; this start has %s: samples, views and learning rates are the "
                     "same, sums differ in their last "
                     "bits",
                     t->meta.layout, t->layout);
    }
    clr_free(folder);
    return st;
}

/* The other ranks get what rank 0 has read over the network. */
static clr_status go_on(clr_training *t)
{
    clr_params *params = clr_encoder_params(t->encoder);
    int64_t numbers[2] = {-1, 0};

    clr_watch_phase("reading a checkpoint", 0);
    clr_status st = clr_comm_agree(t->comm, t->first ? load(t, &numbers[0]) : CLR_OK);
    if (st != CLR_OK)
        return st;
    numbers[1] = params->batches;
    clr_comm_broadcast(t->comm, numbers, sizeof numbers, 0);
    t->begin = t->whole = numbers[0];
    if (t->begin < 0)
        return CLR_OK;
    params->batches = numbers[1];
    clr_comm_broadcast(t->comm, params->value, params->weights.floats * (int64_t)sizeof(float), 0);
    clr_comm_broadcast(t->comm, params->state, params->states.floats * (int64_t)sizeof(float), 0);
    for (int i = 0; i < clr_optim_slots(t->optim); i++)
        clr_comm_broadcast(t->comm, clr_optim_slot(t->optim, i), params->weights.floats * (int64_t)sizeof(float), 0);
    return CLR_OK;
}

/* Rank 0: what it writes during the run; begins with a checkpoint of step 0, which shows at once where there is no
   room. Then the run is one, and `config` says which. */
static clr_status open_files(clr_training *t)
{
    char *folder = clr_text("%s/checkpoints", t->config->run_dir),
         *path = clr_text("%s/metrics.tsv", t->config->run_dir);
    clr_status st = clr_saver_open(folder, (int)t->config->keep, clr_encoder_params(t->encoder), t->optim, &t->saver);

    if (st == CLR_OK)
        st = clr_metrics_open(path, t->begin, &t->metrics, &t->last);
    if (st == CLR_OK && t->begin < 0) {
        clr_ckpt_meta meta = {.seed = (uint64_t)t->config->seed,
                              .config = t->text,
                              .version = (char *)(uintptr_t)PACKAGE_VERSION,
                              .plan = t->plan,
                              .layout = t->layout};
        st = clr_saver_begin(t->saver, &meta);
        if (st == CLR_OK)
            st = clr_saver_wait(t->saver);
        if (st != CLR_OK)
            st = clr_fail_in(st, "the first checkpoint, before any training, cannot be saved");
    }
    if (st == CLR_OK)
        st = clr_folder_settle(t->config, t->text);
    clr_free(folder);
    clr_free(path);
    return st;
}

clr_status clr_training_open(clr_training *t)
{
    clr_loader_config loader;

    t->first = clr_comm_rank(t->comm) == 0;
    clr_status st = clr_comm_agree(t->comm, open_data(t));
    if (st != CLR_OK)
        return st;
    t->threads = clr_comm_threads(t->comm, t->config->threads);
    set_schedule(t);
    st = clr_config_every(t->config, t->per_epoch, &t->every);
    if (st == CLR_OK)
        st = open_loader_config(t, &loader);
    st = clr_comm_agree(t->comm, st);
    if (st == CLR_OK)
        st = clr_comm_agree(t->comm, t->first ? clr_folder_open(t->config, t->options, t->data, &t->lock) : CLR_OK);
    t->unsaved = st == CLR_STOPPED; /* while it waited for the lock */
    if (st != CLR_OK)
        return st;
    clr_watchdog_start(t->config->watchdog, clr_comm_rank(t->comm),
                       clr_comm_host(t->comm)); /* a lock may have been waited for */
    clr_report_start(t);
    st = open_parts(t, &loader);
    if (st == CLR_OK)
        st = go_on(t);
    if (st == CLR_OK)
        st = clr_comm_agree(t->comm, t->first ? open_files(t) : CLR_OK);
    t->saved = t->begin = clr_max64(0, t->begin);
    return st;
}

void clr_training_close(clr_training *t)
{
    clr_loader_close(t->loader);
    clr_free(t->labels);
    clr_saver_close(t->saver);
    clr_metrics_close(&t->metrics);
    clr_step_free(t->step);
    clr_objective_free(t->objective);
    clr_objective_free(t->observer);
    clr_optim_free(t->optim);
    clr_encoder_free(t->encoder);
    clr_params_close(&t->params);
    clr_planner_close(t->planner);
    clr_store_close(t->store);
    clr_progress_end();
    clr_log_file(NULL);
    clr_lock_drop(t->lock);
    clr_ckpt_meta_free(&t->meta);
    clr_free(t->from);
    clr_free(t->plan);
    clr_free(t->layout);
    clr_free(t->text);
}
