/* SPDX-License-Identifier: BSD-3-Clause */
/* The sinks of a run (sink.h). */
#include "running.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <stdlib.h>
#include <time.h>

static clr_sink_row row_of(const clr_run *run)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (clr_sink_row){.column = run->metrics.column,
                          .value = run->row,
                          .columns = run->metrics.columns,
                          .time = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec};
}

/* Makes those whole that are not. step: of the run; -1: it is new. */
static void repair(clr_run *run, int64_t step)
{
    const clr_sink_row like = row_of(run);
    clr_sink_picture picture = {0};
    uint8_t *png = NULL;
    bool drawn = false;

    for (int i = 0; i < CLR_SINKS; i++) {
        clr_sink *sink = &run->sink[i];
        if (!sink->kind || !sink->broken)
            continue;
        if (sink->kind->begin && run->task->kind->picture && !drawn) {
            drawn = true;
            if (run->task->kind->picture(run->task, &png, &picture.bytes) != CLR_OK)
                clr_warn("no picture in the log: %s", clr_message());
            picture.png = png;
            picture.bytes = png ? picture.bytes : 0;
        }
        clr_sink_repair(sink, run->metrics.path, &like, &picture, step);
    }
    free(png);
}

void clr_run_open_logs(clr_run *run)
{
    for (int i = 0; i < CLR_SINKS; i++)
        if (run->config->log_format & 1u << i)
            clr_sink_open(clr_sink_kinds[i], run->config->run_dir, &run->sink[i]);
    repair(run, run->step);
}

void clr_run_log_row(clr_run *run)
{
    const clr_sink_row row = row_of(run);

    for (int i = 0; i < CLR_SINKS; i++)
        if (run->sink[i].kind)
            clr_sink_add(&run->sink[i], &row);
}

void clr_run_sync_logs(clr_run *run)
{
    for (int i = 0; i < CLR_SINKS; i++)
        if (run->sink[i].kind)
            clr_sink_sync(&run->sink[i]);
    repair(run, run->step);
}

void clr_run_close_logs(clr_run *run)
{
    for (int i = 0; i < CLR_SINKS; i++)
        clr_sink_close(&run->sink[i]);
}
