/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LOCK_H
#define CLR_LOCK_H
/* One job at a time in a run directory: the file DIR/lock names host, process, its start, Slurm's job, and the boot
   and process namespace in which the process' number holds. While it is held, a thread touches it every few seconds. A
   lock is stale, and taken over, where its process is gone from this host; where it is of another host, boot or
   namespace, or names nobody, once it has not changed for a minute, which is waited for whatever the dates of files
   say; at once where it is of an earlier start of this very Slurm job. Local: rank 0. */
#include "clr/err.h"

typedef struct clr_lock clr_lock;

/* Seconds without a change after which a lock of another host is stale: a minute, but in tests. */
extern double clr_lock_silence;

/* CLR_EBUSY, naming the owner, where another process holds it. CLR_STOPPED where a signal asks for a stop (watch.h)
   during the wait; nothing was begun. */
clr_status clr_lock_take(const char *folder, clr_lock **lock);
/* Checks that the lock is still this process's, before every write, because a job that was suspended for a minute
   looks dead from another host. CLR_EBUSY where it is not. */
clr_status clr_lock_check(const clr_lock *lock);
void clr_lock_drop(clr_lock *lock); /* accepts NULL; leaves a lock that another process has taken over */

#endif
