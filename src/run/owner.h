/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_OWNER_H
#define CLR_OWNER_H
/* Who holds a run directory, as a line of its lock says it:
     HOST PID START JOB RESTARTS SINCE PLACE MARK
   Locks of earlier versions end before PLACE or MARK. Local. */
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

typedef struct clr_owner {
    char host[128], job[64]; /* job: "-" outside of Slurm */
    char place[96];          /* where pid is valid: the boot of the host, and the process namespace */
    char mark[24];           /* drawn at random by each process that takes a lock */
    long pid, restarts;      /* restarts: of that job, so far */
    unsigned long long
        start; /* of the process, in clock ticks since the boot; 0: cannot be found out there (no /proc) */
    time_t since;
} clr_owner;

/* Local. This process. */
clr_owner clr_owner_self(void);
char *clr_owner_text(const clr_owner *owner); /* the line; freed by clr_free */

typedef enum clr_owner_look {
    CLR_OWNER_NONE,   /* there is no file */
    CLR_OWNER_NAMED,  /* *owner is filled */
    CLR_OWNER_NOBODY, /* a regular file that is no lock's text */
    CLR_OWNER_HIDDEN, /* it cannot be read, or is no regular file; clr_message has the reason */
} clr_owner_look;

/* Reads the lock at path; state: as fstat gives it, where there is a regular file (NULL: not wanted). */
clr_owner_look clr_owner_read(const char *path, clr_owner *owner, struct stat *state);

/* The same of an open file. */
clr_owner_look clr_owner_read_open(int descriptor, clr_owner *owner);

/* Local. Whether two are the same start of the same process. */
bool clr_owner_same(const clr_owner *a, const clr_owner *b);

/* Whether this process can see the owner's process. */
bool clr_owner_near(const clr_owner *owner, const clr_owner *me);

/* Of a near owner. */
bool clr_owner_lives(const clr_owner *owner);

#endif
