/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_ACQUIRE_H
#define CLR_ACQUIRE_H
/* How a lock is taken; for lock.c. Local. */
#include "clr/err.h"
#include "owner.h"

enum { CLR_LOCK_PATIENCE = 20 };  /* looks at a lock that cannot be read, or has gone */
enum { CLR_LOCK_MOMENT = 50000 }; /* microseconds between looks */

/* The text, which is me's, becomes the lock at path, FOLDER/lock. CLR_EBUSY: somebody else holds it; CLR_STOPPED:
   told to stop. */
clr_status clr_lock_acquire(const char *folder, const char *path, const char *text, const clr_owner *me);

/* Called by the owner of the lock only: removes the files of processes that were killed while they tried to take it. */
void clr_lock_sweep(const char *folder);

/* CLR_EBUSY with the sentence about who holds it. */
clr_status clr_lock_held(const char *folder, const clr_owner *who);

#endif
