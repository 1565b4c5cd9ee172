/* SPDX-License-Identifier: BSD-3-Clause */
/* A start of a run that writes nothing: its checks, and the time of a step on this machine. */
#include "running.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/watchdog.h"
#include "folder.h"

#include <inttypes.h>

static const double LONG_ENOUGH = 4; /* seconds of steps */
enum { LEAST = 3, MOST = 30, IGNORED = 2 /* first steps: memory is touched and plans are made there */ };

/* Collective; status agreed upon. */
static clr_status time_steps(clr_run *run, double *seconds)
{
    clr_task *task = run->task;
    int64_t ignored = task->steps > IGNORED ? IGNORED : 0, most = clr_min64(MOST, task->steps - ignored);
    double begin = 0, passed = 0;
    clr_status st = CLR_OK;
    int64_t n = -ignored;

    for (; st == CLR_OK && n < most && (n < LEAST || passed < LONG_ENOUGH); n++) {
        clr_task_outcome outcome = {0};
        if (n == 0)
            begin = clr_seconds();
        clr_alive();
        st = task->kind->step(task, n + ignored, &outcome);
        if (st == CLR_OK && (run->stopping.asked || outcome.requests & CLR_REQUEST_STOP))
            st = clr_comm_agree(run->comm, CLR_STOPPED);
        passed = n >= 0 ? clr_seconds() - begin : 0;
        clr_comm_allreduce_max_double(run->comm, &passed, 1);
    }
    *seconds = n > 0 ? passed / (double)n : 0;
    return st;
}

/* Rank 0: whether the run directory is this run's, and how far it is. */
static clr_status look_at_folder(clr_run *run, clr_trial *trial)
{
    const char *folder = run->config->run_dir;
    clr_status st = folder && *folder ? clr_folder_check(run) : CLR_OK;

    if (st == CLR_OK && folder && *folder)
        st = clr_run_find(run);
    if (st == CLR_OK && run->from)
        trial->done = run->meta.step;
    return st;
}

static clr_status try(clr_run *run, bool silent, clr_trial *trial)
{
    clr_task *task = run->task;
    clr_status st = clr_run_prepare(run);

    if (st != CLR_OK)
        return st;
    trial->steps = task->steps;
    if (!silent)
        clr_run_report(run);
    st = clr_comm_agree(run->comm, run->first && !silent ? look_at_folder(run, trial) : CLR_OK);
    if (st == CLR_OK)
        st = task->kind->open(task, &run->meta);
    if (st != CLR_OK)
        return st;
    int64_t weights = task->params->weights.floats, states = task->params->states.floats;
    trial->checkpoint = 4.0 * (double)((1 + clr_optim_slots(task->optim)) * weights + states);
    return time_steps(run, &trial->seconds);
}

clr_status clr_run_try(clr_comm *comm, const clr_task_kind *kind, const clr_run_config *config,
                       const clr_opt_set *options, bool silent, clr_trial *trial)
{
    clr_run run = clr_run_of(comm, kind, config, options);
    clr_task *task = run.task;

    *trial = (clr_trial){0};
    task->run = &run;
    task->trial = true;
    task->silent = silent;
    task->threads = clr_comm_threads(comm, config->threads);
    clr_watchdog_start(config->watchdog, clr_comm_rank(comm), clr_comm_host(comm));
    clr_status st = try(&run, silent, trial);
    clr_watchdog_end();
    clr_run_close(&run);
    return st;
}
