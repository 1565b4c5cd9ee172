/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of a run. Whatever depends on time or on a signal is requested by some rank, travels in the reduction that
   a step makes anyway, and is acted upon by all ranks after that step. */
#include "clr/run.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/watchdog.h"
#include "running.h"
#include "watch.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

unsigned clr_run_requests(clr_run *run)
{
    return (clr_run_stops(run) ? CLR_REQUEST_STOP : 0) | (clr_run_save_due(run, run->step + 1) ? CLR_REQUEST_SAVE : 0);
}

bool clr_run_allows(const clr_run *run, const char *option)
{
    return clr_opt_listed(option, run->config->allow_change);
}

/* Called when the step's data cannot be read, or when some rank asked for a stop while it waited for them. Saves the
   steps done so far. Before the first step of a start nothing is saved, and damaged data make the start fail. */
static clr_status give_up(clr_run *run, clr_status st)
{
    if (run->step == run->task->begin && st != CLR_OK && st != CLR_EIO && st != CLR_EMEMORY)
        return st;
    if (st != CLR_OK)
        clr_run_because(run, "%s", clr_message());
    return run->step > run->saving.saved ? clr_run_save(run) : CLR_OK;
}

/* A row of metrics.tsv that cannot be written is lost; the run goes on. */
static void note(clr_run *run, const double *row)
{
    run->row[0] = (double)run->step;
    run->row[1] = clr_run_epoch(run, run->step);
    memcpy(run->row + 2, row, (size_t)run->task->kind->columns * sizeof *row);
    if (run->first && clr_metrics_add(&run->metrics, run->row) != CLR_OK)
        clr_warn("%s", clr_message());
    if (run->first)
        clr_run_log_row(run);
}

/* One step, then saving, metrics and progress; *stop: some rank asked for a stop. */
static clr_status advance(clr_run *run, bool *stop)
{
    double begin = clr_seconds(), seconds;
    clr_task *task = run->task;
    clr_task_outcome outcome = {0};
    clr_status st = task->kind->step(task, run->step, &outcome);

    if (outcome.postponed) {
        *stop = true;
        return give_up(run, st);
    }
    if (st != CLR_OK)
        return st;
    run->step++;
    seconds = clr_seconds() - begin;
    run->slowest = seconds > run->slowest ? seconds : run->slowest;
    *stop = *stop || run->stopping.asked || outcome.requests & CLR_REQUEST_STOP;
    clr_watch_phase("writing metrics", run->step);
    clr_run_progress(run);
    note(run, outcome.row);
    return outcome.requests & CLR_REQUEST_SAVE || *stop || run->step == task->steps ? clr_run_save(run) : CLR_OK;
}

/* On rank 0 after the last step of this start. A run that was asked to stop may end without a checkpoint of its last
   step: it goes on from an older one. */
static clr_status finish(clr_run *run)
{
    bool hopeless = clr_run_saves_fail(run);
    clr_status st = clr_run_finish_saves(run);

    if (st == CLR_OK || hopeless || run->step == run->task->steps)
        return st;
    clr_warn("%s", clr_message());
    run->saving.unsaved = true;
    return CLR_OK;
}

static clr_status loop(clr_run *run, clr_run_result *result)
{
    const clr_task *task = run->task;
    clr_status st = CLR_OK;

    if (run->first)
        clr_run_forget_stopped(run);
    bool stop = clr_run_asked(run); /* during the start */
    run->showing.began = run->showing.spoke = run->saving.last = clr_seconds();
    run->showing.step = run->step;
    while (run->step < task->steps && !stop && st == CLR_OK)
        st = advance(run, &stop);
    if (st != CLR_OK)
        return st;
    if (run->step > task->begin)
        result->steps_per_s = (double)(run->step - task->begin) / (clr_seconds() - run->showing.began);
    st = clr_comm_agree(run->comm, run->first ? finish(run) : CLR_OK);
    if (st != CLR_OK)
        return st;
    if (run->first)
        clr_run_keep_stopped(run);
    if (run->step == task->steps)
        return CLR_OK;
    clr_info("stopped after step %" PRId64 " of %" PRId64 " (%s), %s: the same command goes on from there", run->step,
             task->steps, clr_run_why(run),
             run->saving.unsaved       ? "BUT THE LAST CHECKPOINT IS AN OLDER ONE"
             : run->step > task->begin ? "checkpoint written"
                                       : "before any step of this start");
    return clr_comm_agree(run->comm, CLR_STOPPED);
}

/* Totals of the whole run; also filled in where no step was left to do. */
static void conclude(const clr_run *run, clr_run_result *result)
{
    const clr_task *task = run->task;
    const char *folder = run->config->run_dir;

    result->steps = run->step;
    result->epochs = clr_run_epoch(run, run->step);
    for (int i = 0; i < task->kind->columns; i++)
        result->row[i] = run->row[0] > 0 ? run->row[2 + i] : NAN;
    result->checkpoint = run->saving.unsaved ? clr_text("%s/checkpoints/latest", folder)
                                             : clr_text("%s/checkpoints/step-%08" PRId64 ".h5", folder, run->step);
    task->kind->summarise(task, result, result->summary, sizeof result->summary);
}

clr_status clr_run_task(clr_comm *comm, const clr_task_kind *kind, const clr_run_config *config,
                        const clr_opt_set *options, clr_run_result *result)
{
    clr_run run = clr_run_of(comm, kind, config, options);
    clr_task *task = run.task;
    double begin = clr_seconds();

    *result = (clr_run_result){.steps_per_s = NAN};
    task->run = &run;
    run.stopping.deadline = clr_watch_deadline(config->time_limit.seconds); /* reading and planning count too */
    clr_watch_signals(run.first);
    clr_status st = clr_run_open(&run);
    if (st == CLR_OK && run.step >= task->steps)
        clr_info("nothing left to do: %s has its %" PRId64 " steps", config->run_dir, task->steps);
    else if (st == CLR_OK)
        st = loop(&run, result);
    if (st == CLR_OK || st == CLR_STOPPED)
        conclude(&run, result);
    if (st == CLR_ENUMERIC && run.first && run.saver)
        clr_run_say_remains(&run);
    clr_watchdog_end();
    clr_run_close(&run);
    result->seconds = clr_seconds() - begin;
    return st;
}
