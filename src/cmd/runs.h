/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_RUNS_H
#define CLR_RUNS_H
/* A folder of runs, for info. Local. */
#include "clr/err.h"

/* How many run directories (folders with a file `config`) lie directly in a folder; -1: it cannot be listed, and errno
   says why. */
int clr_runs_count(const char *folder);

/* A table of them on standard output, oldest activity first: state, step, epoch, loss, probe, when, name. CLR_EIO: the
   folder cannot be listed, or a file of a run not be read. */
clr_status clr_runs_list(const char *folder);

#endif
