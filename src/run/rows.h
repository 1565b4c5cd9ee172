/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_ROWS_H
#define CLR_ROWS_H
/* Rows of a metrics.tsv as it lies there, of this version or another. Local. */
#include "clr/metrics.h"

#include <stdio.h>

/* Copies the rows up to step that the file at metrics->path has, in metrics' columns, to `to`. last: the last of them,
   zeros before. *lost: counts lines that are no rows, and whatever else stays behind. CLR_EIO: it cannot be read. */
clr_status clr_rows_copy(const clr_metrics *metrics, int64_t step, FILE *to, double *last, int64_t *lost);

#endif
