/* SPDX-License-Identifier: BSD-3-Clause */
/* What people see of a run while it runs. */
#include "clr/h5.h"
#include "clr/isa.h"
#include "clr/log.h"
#include "running.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void clr_run_report(const clr_run *run)
{
    int ranks = clr_comm_size(run->comm), nodes = clr_comm_nodes(run->comm), threads = run->task->threads;

    clr_info("simclr %s (%s, %s): %d rank%s on %d node%s, %d thread%s each, %s kernels", PACKAGE_VERSION,
             clr_comm_library(), clr_h5_library(), ranks, ranks == 1 ? "" : "s", nodes, nodes == 1 ? "" : "s", threads,
             threads == 1 ? "" : "s", clr_isa_name(clr_isa_current()));
}

void clr_run_duration(double seconds, char text[CLR_RUN_TIME])
{
    if (seconds >= 3600)
        snprintf(text, CLR_RUN_TIME, "%.0f h %02.0f min", floor(seconds / 3600), floor(fmod(seconds, 3600) / 60));
    else
        snprintf(text, CLR_RUN_TIME, "%.0f:%02.0f min", floor(seconds / 60), floor(fmod(seconds, 60)));
}

void clr_run_clock(double seconds, char text[CLR_RUN_TIME])
{
    time_t now = time(NULL), then = now + (time_t)fmin(seconds, 1e9);
    struct tm today, day;

    snprintf(text, CLR_RUN_TIME, "?");
    if (!localtime_r(&now, &today) || !localtime_r(&then, &day))
        return;
    const char *format = day.tm_year == today.tm_year && day.tm_yday == today.tm_yday ? "%H:%M"
                         : seconds < 6 * 86400.0                                      ? "%a %H:%M"
                                                                                      : "%d %b %Y";
    if (!strftime(text, CLR_RUN_TIME, format, &day))
        snprintf(text, CLR_RUN_TIME, "?");
}

void clr_run_progress(clr_run *run)
{
    const clr_task *task = run->task;
    int64_t done = run->step;
    double now = clr_seconds(), since = now - run->showing.spoke;
    bool due = clr_log_rewrites() ? since >= 0.5 : done % run->config->log_every == 0 || since >= 60;
    char left[CLR_RUN_TIME], end[CLR_RUN_TIME], text[256];

    if (!run->first || !(due || done == task->steps || done == task->begin + 1))
        return;
    double seconds = (now - run->showing.began) / (double)(done - task->begin) * (double)(task->steps - done);
    clr_run_duration(seconds, left);
    clr_run_clock(seconds, end);
    task->kind->describe(task, (double)(done - run->showing.step) / since, text, sizeof text);
    /* a line that is too long loses its end: what matters most comes first */
    size_t first = strstr(text, "  ") ? (size_t)(strstr(text, "  ") - text) : strlen(text);
    clr_progress("step %" PRId64 "/%" PRId64 "  %.*s  left %s (until %s)%s  epoch %.2f", done, task->steps, (int)first,
                 text, left, end, text + first, clr_run_epoch(run, done));
    run->showing.spoke = now;
    run->showing.step = done;
}
