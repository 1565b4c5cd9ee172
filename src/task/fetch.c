/* SPDX-License-Identifier: BSD-3-Clause */
/* The images of a step. Where some rank cannot read its own, all wait: a file server may restart, or a dataset may
   be put back. */
#include "shared.h"

#include "clr/log.h"
#include "clr/run.h"
#include "clr/watchdog.h"

#include <unistd.h>

/* Collective. Waits in steps of a second. Returns whether some rank asked for a stop meanwhile. */
static bool pause_all(const clr_task *task, int seconds, int64_t done)
{
    bool stop = false;

    for (int i = 0; i < seconds && !stop; i++) {
        clr_watch_phase("waiting to read the images again", done);
        sleep(1); /* a signal ends it */
        stop = clr_run_asked(task->run);
    }
    return stop;
}

clr_status clr_task_fetch(const clr_task *task, clr_loader *loader, int64_t number, clr_batch *batch)
{
    /* Seconds: longer than a server needs to restart; damage on the disk would not go away. */
    static const int pauses[] = {1, 2, 4, 8};
    enum { DAMAGE = 3, TRIES = sizeof pauses / sizeof *pauses };
    bool have = false, stop = false;

    for (int attempt = 0;; attempt++) {
        clr_watch_phase("waiting for images", number + 1);
        clr_status st = have ? CLR_OK : clr_loader_next(loader, number, batch);
        have = st == CLR_OK;
        st = clr_comm_agree(task->comm, st);
        if (st == CLR_OK || attempt == (st == CLR_EINPUT ? DAMAGE : TRIES) || stop)
            return st;
        if (clr_comm_rank(task->comm) == 0)
            clr_warn("%s; trying again in %d second%s", clr_message(), pauses[attempt],
                     pauses[attempt] == 1 ? "" : "s");
        stop = pause_all(task, pauses[attempt], number + 1);
    }
}
