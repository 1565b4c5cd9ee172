/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_METRICS_H
#define CLR_METRICS_H
/* metrics.tsv: a row a step, columns named in a "#" header; rank 0 alone. Rows past the step that a run resumes from
   are dropped, so that none stands twice. A disk that is full for a while loses no row: rows stay in memory until a
   sync has brought them to the disk. Local. */

#include "clr/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct clr_metrics {
    char *path, *waiting; /* rows that are not on the disk yet */
    const char **column;  /* names; the first is "step" */
    int columns;
    size_t used, written; /* bytes of them; how many the file has */
    int64_t synced;       /* bytes of the file that are on the disk */
    int file;             /* descriptor; -1: none */
} clr_metrics;

enum { CLR_METRICS_COLUMNS = 128 }; /* the most, of a file of another version too */

/* column: names of `columns` columns, copied but for the texts; the first is "step". step: rows of steps after it are
   dropped (steps are numbered from 1: the update that made them); -1: a new run, which keeps none. last: NULL, or set
   to the last row that stays (all zeros where there is none). Rows of a file with other columns, as its header names
   them, stay: NaN where one is missing. A file that has more than this (columns of another version, rows without a
   header that fits, lines that are none, a run before) is kept as PATH.1, .2, ... too, and said. CLR_EIO: it cannot be
   read; nothing has changed. */
clr_status clr_metrics_open(const char *path, const char *const *column, int columns, int64_t step,
                            clr_metrics *metrics, double *last);
/* row: a number for each column. Fails only where about 5000 rows wait already. */
clr_status clr_metrics_add(clr_metrics *metrics, const double *row);
/* Writes what waits, and to the disk: before a checkpoint says so, and at the end. Where it fails, the rows still
   wait. */
clr_status clr_metrics_sync(clr_metrics *metrics);
void clr_metrics_close(clr_metrics *metrics); /* accepts a zeroed one */

#endif
