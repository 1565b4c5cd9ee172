/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_ROWS_H
#define CLR_ROWS_H
/* Rows of an existing metrics.tsv, of this version or another. Local. */
#include "clr/metrics.h"

#include <stdio.h>

/* Copies the rows up to `step` from the file at metrics->path to `to`, in metrics' columns. last: the last row
   copied (zeros if none). *lost: the number of lines that were not copied for another reason than their step.
   CLR_EIO: the file cannot be read. */
clr_status clr_rows_copy(const clr_metrics *metrics, int64_t step, FILE *to, double *last, int64_t *lost);

#endif
