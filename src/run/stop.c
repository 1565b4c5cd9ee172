/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a run stops before its end: a signal to any rank, its time, the file RUN/stop, saves that fail, images that
   cannot be read. */
#include "running.h"

#include "clr/log.h"
#include "watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The first reason stays. */
void clr_run_because(clr_run *run, const char *format, ...)
{
    va_list args;

    if (*run->stopping.why)
        return;
    va_start(args, format);
    vsnprintf(run->stopping.why, sizeof run->stopping.why, format, args);
    va_end(args);
}

/* Looks for RUN/stop at most once a second, because a cluster's file system answers slowly. */
static bool stop_file(clr_run *run)
{
    char path[sizeof run->stopping.why];
    double now = clr_seconds();

    if (!run->first || run->task->trial || run->stopping.file || now < run->stopping.look)
        return run->stopping.file;
    run->stopping.look = now + 1;
    snprintf(path, sizeof path, "%s/stop", run->config->run_dir);
    run->stopping.file = !access(path, F_OK);
    return run->stopping.file;
}

/* The next chance to stop is one step later. Every start makes at least one step, so that even a short time limit
   makes progress. */
static bool late(const clr_run *run)
{
    return run->first && run->stopping.deadline > 0 && run->showing.began > 0 &&
           clr_watch_now() + 2 * run->slowest + 2 * clr_run_save_seconds(run) + 2 > run->stopping.deadline;
}

bool clr_run_stops(clr_run *run)
{
    int number = clr_watch_signalled();
    const char *limit = run->config->time_limit.text;

    if (number)
        clr_run_because(run, "%s", clr_watch_name(number));
    else if (stop_file(run))
        clr_run_because(run, "the file %s/stop", run->config->run_dir);
    else if (late(run) && limit && *limit)
        clr_run_because(run, "the time limit, --time-limit=%s, leaves no room for another step", limit);
    else if (late(run))
        clr_run_because(run, "the job's end, SLURM_JOB_END_TIME=%.0f, leaves no room for another step",
                        run->stopping.deadline);
    else if (run->first && clr_run_saves_fail(run))
        clr_run_because(run, "checkpoints cannot be saved");
    else
        return false;
    return true;
}

bool clr_run_asked(clr_run *run)
{
    double asked = clr_run_stops(run);

    clr_comm_allreduce_max_double(run->comm, &asked, 1);
    run->stopping.asked = run->stopping.asked || asked > 0;
    return asked > 0;
}

const char *clr_run_why(const clr_run *run)
{
    return *run->stopping.why ? run->stopping.why : "a signal to another rank";
}

void clr_run_forget_stopped(const clr_run *run)
{
    char path[sizeof run->stopping.why + 8];

    snprintf(path, sizeof path, "%s/stopped", run->config->run_dir);
    unlink(path);
}

void clr_run_keep_stopped(const clr_run *run)
{
    char from[sizeof run->stopping.why], to[sizeof from + 8];

    snprintf(from, sizeof from, "%s/stop", run->config->run_dir);
    snprintf(to, sizeof to, "%s/stopped", run->config->run_dir);
    if (run->stopping.file && rename(from, to) && errno != ENOENT)
        clr_warn("%s: cannot be renamed to stopped: %s; remove it, or the next start stops at once", from,
                 strerror(errno));
}
