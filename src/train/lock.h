#ifndef CLR_LOCK_H
#define CLR_LOCK_H
/* One job at a time in a run directory: the file DIR/lock names host, process, its start, and Slurm's job. It is held while a thread
   touches it every few seconds. A lock is stale, and taken over, where its process is gone from this host, where it belongs to an
   earlier start of this very Slurm job, or where nobody touched it for a minute. Local: rank 0. */
#include "clr/err.h"

typedef struct clr_lock clr_lock;

/* Held by somebody else: CLR_EBUSY, naming them. */
clr_status clr_lock_take(const char *folder, clr_lock **lock);
void clr_lock_drop(clr_lock *lock); /* accepts NULL */

#endif
