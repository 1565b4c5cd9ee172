/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_HISTORY_H
#define CLR_HISTORY_H
/* The starts of a run, from its log: which machine took part from which step on. Local. */
#include "clr/err.h"

#include <stdint.h>

typedef struct clr_start {
    double step;                   /* the last one that was done before it */
    double ranks, nodes, threads;  /* threads of a rank */
    char version[32], kernels[32]; /* of simclr; "avx512" */
} clr_start;

typedef struct clr_history {
    clr_start *start;
    int starts, room;
    char last[512]; /* the last line of the log */
} clr_history;

/* No log: no starts. Freed by clr_history_free, also after a failure. */
clr_status clr_history_read(const char *path, clr_history *history);
void clr_history_free(clr_history *history);

/* Cores at work on step `step` (numbered from 1); NaN where the log does not say. */
double clr_history_cores(const clr_history *history, double step);

#endif
