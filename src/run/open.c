/* SPDX-License-Identifier: BSD-3-Clause */
/* From options to the first step: the task's data, the run directory, the newest good checkpoint, the task's parts. */
#include "running.h"

#include "clr/gemm.h"
#include "clr/isa.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/watchdog.h"
#include "folder.h"
#include "length.h"
#include "watch.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static char *layout_of(const clr_run *run)
{
    int ranks = clr_comm_size(run->comm), nodes = clr_comm_nodes(run->comm), threads = run->task->threads;

    return clr_text("%d rank%s on %d node%s, %d thread%s each, %s kernels, %s", ranks, ranks == 1 ? "" : "s", nodes,
                    nodes == 1 ? "" : "s", threads, threads == 1 ? "" : "s", clr_isa_name(clr_isa_current()),
                    clr_gemm_library());
}

/* --allow-change of lr, epochs and the like can make the learning rate jump. */
static void say_other_rate(const clr_run *run)
{
    double rate[2];

    if (!clr_run_lengthens(run->meta.config, run->text, run->meta.step) &&
        clr_run_rates(run->meta.config, run->text, run->meta.step, rate))
        clr_warn("the learning rate of the next step is %.3g, where the settings before gave %.3g", rate[1], rate[0]);
}

/* Nor is a run with the other dtype the run that it was, which --allow-change=dtype lets through. */
static void say_other_dtype(const clr_run *run)
{
    static const char line[] = "\ndtype = bf16\n";
    bool was = strstr(run->meta.config, line) != NULL, is = strstr(run->text, line) != NULL;

    if (was != is)
        clr_warn("--dtype: it was %s and is %s from here on; the numbers are no longer those of the run before",
                 was ? "bf16" : "fp32", is ? "bf16" : "fp32");
}

clr_status clr_run_find(clr_run *run)
{
    char *folder = clr_text("%s/checkpoints", run->config->run_dir);
    double begin = clr_seconds();
    clr_status st = clr_ckpt_newest(folder, &run->from);

    if (st == CLR_OK && run->from)
        st = clr_ckpt_read_meta(run->from, &run->meta);
    if (st == CLR_OK && run->from) {
        st = clr_folder_compare(run, run->meta.config, run->meta.step);
        if (st != CLR_OK)
            st = clr_fail_in(st, "%s is of another run", run->from);
    }
    if (st == CLR_OK && run->from)
        say_other_rate(run), say_other_dtype(run);
    run->saving.reading = clr_seconds() - begin;
    clr_free(folder);
    return st;
}

/* On rank 0: reads that checkpoint into the parts. Returns its step, or -1. */
static clr_status load(clr_run *run, int64_t *step)
{
    char *folder = clr_text("%s/checkpoints", run->config->run_dir);
    double begin = clr_seconds();
    clr_state state = clr_state_of(run->task->params, run->task->optim);
    clr_status st = run->from ? clr_ckpt_read(run->from, &state) : CLR_OK;

    clr_state_free(&state);
    *step = -1;
    if (st == CLR_OK && run->from)
        st = clr_ckpt_set_aside(folder, run->meta.step);
    if (st == CLR_OK && run->from) {
        *step = run->meta.step;
        run->saving.reading += clr_seconds() - begin;
        clr_info("going on from %s: step %" PRId64 " of %" PRId64, run->from, run->meta.step, run->task->steps);
        if (run->meta.layout && strcmp(run->meta.layout, run->layout))
            clr_info("this checkpoint was made with %s; this start has %s: samples, views and learning rates are the "
                     "same, sums differ in their last bits",
                     run->meta.layout, run->layout);
    }
    clr_free(folder);
    return st;
}

/* Broadcasts what rank 0 has read to the other ranks. */
static clr_status go_on(clr_run *run)
{
    clr_params *params = run->task->params;
    clr_optim *optim = run->task->optim;
    int64_t numbers[2] = {-1, 0};

    clr_watch_phase("reading a checkpoint", 0);
    clr_status st = clr_comm_agree(run->comm, run->first ? load(run, &numbers[0]) : CLR_OK);
    if (st != CLR_OK)
        return st;
    numbers[1] = params->batches;
    clr_comm_broadcast(run->comm, numbers, sizeof numbers, 0);
    run->step = run->saving.whole = numbers[0];
    if (run->step < 0)
        return CLR_OK;
    params->batches = numbers[1];
    clr_comm_broadcast(run->comm, params->value, params->weights.floats * (int64_t)sizeof(float), 0);
    clr_comm_broadcast(run->comm, params->state, params->states.floats * (int64_t)sizeof(float), 0);
    for (int i = 0; i < clr_optim_slots(optim); i++)
        clr_comm_broadcast(run->comm, clr_optim_slot(optim, i), params->weights.floats * (int64_t)sizeof(float), 0);
    return CLR_OK;
}

/* Opens metrics.tsv with the rows of earlier starts; the last row describes the step before this start. */
static clr_status open_metrics(clr_run *run)
{
    const clr_task_kind *kind = run->task->kind;
    const char *column[2 + CLR_TASK_COLUMNS] = {"step", "epoch"};
    char *path = clr_text("%s/metrics.tsv", run->config->run_dir);

    CLR_CHECK(kind->columns <= CLR_TASK_COLUMNS);
    memcpy(column + 2, kind->column, (size_t)kind->columns * sizeof *column);
    clr_status st = clr_metrics_open(path, column, 2 + kind->columns, run->step, &run->metrics, run->row);
    clr_free(path);
    return st;
}

/* On rank 0: opens what the run writes. A new run begins with a checkpoint of step 0, so that a full disk shows at
   once. `config` is written last. */
static clr_status open_files(clr_run *run)
{
    clr_task *task = run->task;
    char *folder = clr_text("%s/checkpoints", run->config->run_dir);
    clr_status st = clr_saver_open(folder, (int)run->config->keep, task->params, task->optim, &run->saver);

    if (st == CLR_OK)
        st = open_metrics(run);
    if (st == CLR_OK && run->step < 0) {
        clr_ckpt_meta meta = {.seed = task->seed,
                              .config = run->text,
                              .version = (char *)(uintptr_t)PACKAGE_VERSION,
                              .plan = task->plan,
                              .layout = run->layout};
        st = clr_saver_begin(run->saver, &meta);
        if (st == CLR_OK)
            st = clr_saver_wait(run->saver);
        if (st != CLR_OK)
            st = clr_fail_in(st, "the first checkpoint, before any training, cannot be saved");
    }
    if (st == CLR_OK)
        st = clr_folder_put_config(run);
    if (st == CLR_OK)
        clr_run_open_logs(run);
    clr_free(folder);
    return st;
}

clr_run clr_run_of(clr_comm *comm, const clr_task_kind *kind, const clr_run_config *config, const clr_opt_set *options)
{
    clr_task *task = clr_alloc(1, kind->bytes);

    task->kind = kind;
    task->config = config;
    task->options = options;
    task->comm = comm;
    return (clr_run){.comm = comm,
                     .task = task,
                     .config = config,
                     .options = options,
                     .first = clr_comm_rank(comm) == 0,
                     .metrics = {.file = -1}};
}

clr_status clr_run_prepare(clr_run *run)
{
    const clr_run_config *config = run->config;
    clr_saving *saving = &run->saving;
    clr_task *task = run->task;
    clr_status st = clr_opt_known(run->options, "allow-change");

    if (!task->trial && (!config->run_dir || !*config->run_dir))
        st = clr_fail(CLR_EUSAGE,
                      "--run-dir=DIR is missing: the directory of the run, which is created where there is none");
    st = clr_comm_agree(run->comm, st);
    if (st == CLR_OK)
        st = task->kind->prepare(task);
    if (st != CLR_OK)
        return st;
    run->text = clr_folder_text(run);
    saving->step_interval = config->checkpoint_every.steps;
    if (config->checkpoint_every.epochs > 0)
        saving->epoch_interval = clr_max64(1, llround(config->checkpoint_every.epochs * (double)task->steps_an_epoch));
    return CLR_OK;
}

clr_status clr_run_open(clr_run *run)
{
    clr_task *task = run->task;
    clr_status st = clr_run_prepare(run);

    if (st != CLR_OK)
        return st;
    task->threads = clr_comm_threads(run->comm, run->config->threads);
    run->layout = layout_of(run);
    st = clr_comm_agree(run->comm, run->first ? clr_folder_open(run) : CLR_OK);
    run->saving.unsaved = st == CLR_STOPPED; /* while it waited for the lock */
    if (st != CLR_OK)
        return st;
    /* waiting for the lock does not count as silence of the watchdog */
    clr_watchdog_start(run->config->watchdog, clr_comm_rank(run->comm), clr_comm_host(run->comm));
    clr_run_report(run);
    clr_watch_phase("planning", 0);
    st = clr_comm_agree(run->comm, run->first ? clr_run_find(run) : CLR_OK);
    if (st == CLR_OK)
        st = task->kind->open(task, &run->meta);
    if (st == CLR_OK)
        st = go_on(run);
    if (st == CLR_OK)
        st = clr_comm_agree(run->comm, run->first ? open_files(run) : CLR_OK);
    run->saving.saved = run->step = task->begin = clr_max64(0, run->step);
    task->latest = run->row[0] > 0 ? run->row + 2 : NULL;
    return st;
}

void clr_run_close(clr_run *run)
{
    clr_saver_close(run->saver);
    clr_metrics_close(&run->metrics);
    clr_run_close_logs(run);
    run->task->kind->close(run->task);
    clr_progress_end();
    clr_log_file(NULL);
    clr_lock_drop(run->lock);
    clr_ckpt_meta_free(&run->meta);
    clr_free(run->from);
    clr_free(run->layout);
    clr_free(run->text);
    clr_free(run->task);
}
