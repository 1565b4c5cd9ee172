/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a run stops before its end: a signal to any rank, its time, the file RUN/stop, saves that fail, images that
   cannot be read. */
#include "training.h"

#include "clr/log.h"
#include "watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The first reason stays. */
void clr_training_because(clr_training *t, const char *format, ...)
{
    va_list args;

    if (*t->why)
        return;
    va_start(args, format);
    vsnprintf(t->why, sizeof t->why, format, args);
    va_end(args);
}

/* RUN/stop, looked for once a second: file systems of clusters answer slowly. */
static bool stop_file(clr_training *t)
{
    char path[sizeof t->why];
    double now = clr_seconds();

    if (!t->first || t->stop_file || now < t->look)
        return t->stop_file;
    t->look = now + 1;
    snprintf(path, sizeof path, "%s/stop", t->config->run_dir);
    t->stop_file = !access(path, F_OK);
    return t->stop_file;
}

/* The next chance to stop comes a step later than this one. Every start makes a step, so that limits that are too
   short lead somewhere. */
static bool late(const clr_training *t)
{
    return t->first && t->deadline > 0 && t->began > 0 &&
           clr_watch_now() + 2 * t->slowest + 2 * clr_training_saving(t) + 2 > t->deadline;
}

bool clr_training_stops(clr_training *t)
{
    int number = clr_watch_signalled();
    const char *limit = t->config->time_limit;

    if (number)
        clr_training_because(t, "%s", clr_watch_name(number));
    else if (stop_file(t))
        clr_training_because(t, "the file %s/stop", t->config->run_dir);
    else if (late(t) && limit && *limit)
        clr_training_because(t, "the time limit, --time-limit=%s, leaves no room for another step", limit);
    else if (late(t))
        clr_training_because(t, "the job's end, SLURM_JOB_END_TIME=%.0f, leaves no room for another step", t->deadline);
    else if (t->first && clr_training_hopeless(t))
        clr_training_because(t, "checkpoints cannot be saved");
    else
        return false;
    return true;
}

bool clr_training_asked(clr_training *t)
{
    double asked = clr_training_stops(t);

    clr_comm_allreduce_max_double(t->comm, &asked, 1);
    return asked > 0;
}

const char *clr_training_why(const clr_training *t)
{
    return *t->why ? t->why : "a signal to another rank";
}

void clr_training_forget(const clr_training *t)
{
    char path[sizeof t->why + 8];

    snprintf(path, sizeof path, "%s/stopped", t->config->run_dir);
    unlink(path);
}

void clr_training_honour(const clr_training *t)
{
    char from[sizeof t->why], to[sizeof from + 8];

    snprintf(from, sizeof from, "%s/stop", t->config->run_dir);
    snprintf(to, sizeof to, "%s/stopped", t->config->run_dir);
    if (t->stop_file && rename(from, to) && errno != ENOENT)
        clr_warn("%s: cannot be renamed to stopped: %s; remove it, or the next start stops at once", from,
                 strerror(errno));
}
