/* SPDX-License-Identifier: BSD-3-Clause */
/* The images of a step. Where some rank cannot read its own, all wait for it: file servers restart, and datasets are
   put back. */
#include "training.h"

#include "clr/log.h"
#include "watch.h"

#include <unistd.h>

/* Collective. Waits, a second at a time; *stop: some rank wishes to before. */
static void pause_all(clr_training *t, int seconds, int64_t done, bool *stop)
{
    for (int i = 0; i < seconds && !*stop; i++) {
        clr_watch_phase("waiting to read the images again", done);
        sleep(1); /* a signal ends it */
        *stop = clr_training_asked(t);
    }
}

clr_status clr_training_fetch(clr_training *t, int64_t number, clr_batch *batch, bool *stop)
{
    static const int pauses[] = {1, 2, 4,
                                 8}; /* seconds: more than a server needs to answer again; damage on the disk stays */
    enum { DAMAGE = 3, TRIES = sizeof pauses / sizeof *pauses };
    bool have = false;

    for (int attempt = 0;; attempt++) {
        clr_watch_phase("waiting for images", number + 1);
        clr_status st = have ? CLR_OK : clr_loader_next(t->loader, number, batch);
        have = st == CLR_OK;
        st = clr_comm_agree(t->comm, st);
        if (st == CLR_OK || attempt == (st == CLR_EINPUT ? DAMAGE : TRIES) || *stop)
            return st;
        if (t->first)
            clr_warn("%s; trying again in %d second%s", clr_message(), pauses[attempt],
                     pauses[attempt] == 1 ? "" : "s");
        pause_all(t, pauses[attempt], number + 1, stop);
    }
}
