/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether somebody works in a run directory, for those who only look at it. */
#include "clr/mem.h"
#include "clr/run.h"
#include "owner.h"

enum { SILENCE = 90 }; /* seconds: a holder touches its lock every few */

clr_run_hold clr_run_hold_of(const char *folder)
{
    clr_owner owner, me = clr_owner_self();
    struct stat attributes = {0};
    char *path = clr_text("%s/lock", folder);
    clr_owner_look look = clr_owner_read(path, &owner, NULL);
    bool there = !stat(path, &attributes);

    clr_free(path);
    if (look == CLR_OWNER_NONE || !there)
        return CLR_RUN_FREE;
    if (look == CLR_OWNER_NAMED && clr_owner_near(&owner, &me))
        return clr_owner_lives(&owner) ? CLR_RUN_HELD : CLR_RUN_LOST;
    return time(NULL) - attributes.st_mtime < SILENCE ? CLR_RUN_HELD : CLR_RUN_LOST;
}
