/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands of all tasks: a run of the task, and a line on standard output that says how it ended. */
#include "clr/cmd.h"
#include "clr/finetune.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/pretrain.h"
#include "clr/run.h"

#include "../task/tasks.h"
#include "doctor.h"

#include <inttypes.h>
#include <stdio.h>

/* --dry-run: what the allocation is, and what the run would take of it. */
static clr_status rehearse(clr_comm *comm, const clr_task_kind *kind, const clr_run_config *config,
                           const clr_opt_set *set)
{
    char duration[CLR_RUN_TIME], end[CLR_RUN_TIME];
    clr_doctor_seen seen;
    clr_trial trial;
    clr_status st = clr_doctor_allocation(comm, config, &seen);

    if (st == CLR_OK)
        st = clr_run_try(comm, kind, config, set, false, &trial);
    if (st != CLR_OK)
        return st;
    double seconds = trial.seconds * (double)(trial.steps - trial.done), gib = trial.checkpoint * 0x1p-30;
    if (clr_comm_rank(comm) == 0 && gib * (double)(config->keep + 1) > seen.free_gib)
        clr_warn("checkpoints take %.2f GiB each, and %" PRId64 " of them with the one that is being written do not "
                 "fit into the %.1f GiB that are free; give a smaller --keep, or another --run-dir",
                 gib, config->keep + 1, seen.free_gib);
    clr_run_duration(seconds, duration);
    clr_run_clock(seconds, end);
    clr_info("dry run: a step takes %.3g s; from step %" PRId64 " to %" PRId64 " that is %s, until %s if it began now; "
             "a checkpoint takes %.2f GiB; nothing was written",
             trial.seconds, trial.done, trial.steps, duration, end, gib);
    if (clr_comm_rank(comm) == 0)
        printf("%s dry_run=yes steps=%" PRId64 " done=%" PRId64 " seconds_per_step=%.4g seconds=%.4g "
               "checkpoint_gib=%.3f disk_free_gib=%.1f\n",
               kind->name, trial.steps, trial.done, trial.seconds, seconds, gib, seen.free_gib);
    return CLR_OK;
}

static clr_status train(clr_comm *comm, const clr_task_kind *kind, const clr_run_config *config, const clr_opt_set *set)
{
    clr_run_result result;
    double peak = 0;

    if (config->dry_run)
        return rehearse(comm, kind, config, set);
    clr_status st = clr_run_task(comm, kind, config, set, &result);
    if (st == CLR_OK || st == CLR_STOPPED) {
        peak = (double)clr_memory_peak() / 1048576;
        clr_comm_allreduce_max_double(comm, &peak, 1);
    }
    if (clr_comm_rank(comm) == 0 && (st == CLR_OK || st == CLR_STOPPED)) {
        printf("%s steps=%" PRId64 " epochs=%.3f %s seconds=%.1f peak_rss_mb=%.0f run_dir=%s checkpoint=%s\n",
               kind->name, result.steps, result.epochs, result.summary, result.seconds, peak, config->run_dir,
               result.checkpoint);
        fflush(stdout);
    }
    clr_free(result.checkpoint);
    return st;
}

#define COMMAND(name_, help_, example_)                                                    \
    static clr_status run_##name_(clr_comm *comm, void *config, const clr_opt_set *set)    \
    {                                                                                      \
        return train(comm, &clr_task_##name_, config, set);                                \
    }                                                                                      \
    const clr_command clr_command_##name_ = {.name = #name_,                               \
                                             .arguments = "",                              \
                                             .help = help_,                                \
                                             .example = example_,                          \
                                             .options = clr_##name_##_options,             \
                                             .config_bytes = sizeof(clr_##name_##_config), \
                                             .watches = true,                              \
                                             .complete = clr_##name_##_complete,           \
                                             .run = run_##name_};
CLR_TASKS(COMMAND)
