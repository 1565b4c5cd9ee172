/* SPDX-License-Identifier: BSD-3-Clause */
/* The planner of a task's network. */
#include "shared.h"

#include "clr/log.h"
#include "clr/run.h"

#include <string.h>

clr_status clr_task_planner(const clr_task *task, const char *plan, const clr_ckpt_meta *meta, const char *path,
                            clr_planner **planner)
{
    bool anew = task->run && clr_run_allows(task->run, "plan");
    int64_t kept = meta->plan && !anew;

    clr_comm_broadcast(task->comm, &kept, sizeof kept, 0);
    clr_status st = clr_comm_agree(task->comm, clr_planner_open(task->comm, plan, kept || anew ? NULL : path, planner));
    if (st == CLR_OK && kept)
        clr_planner_take(*planner, meta->plan);
    else if (st == CLR_OK && meta->config && !anew && !clr_planner_choices(*planner) && !strncmp(plan, "measure", 7))
        clr_warn("the checkpoint is of a version that kept no plan in it, and %s is none for this machine: "
                 "convolutions are measured anew, and where others win, the last bits are others",
                 path);
    return st;
}
