/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands of all tasks: a run of the task, and a line on standard output that says how it ended. */
#include "clr/cmd.h"
#include "clr/mem.h"
#include "clr/finetune.h"
#include "clr/pretrain.h"
#include "clr/run.h"

#include "../task/tasks.h"

#include <inttypes.h>
#include <stdio.h>

static clr_status train(clr_comm *comm, const clr_task_kind *kind, const clr_run_config *config, const clr_opt_set *set)
{
    clr_run_result result;
    double peak = 0;
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
