/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CMD_JUDGED_H
#define CLR_CMD_JUDGED_H
/* Predictions that were written by clr_predictions_write, read again. Local. */
#include "clr/err.h"

#include <stdint.h>

/* A file of predictions. */
typedef struct clr_judged {
    const char *path;
    int64_t rows;
    char **line;                     /* (rows), cut at its tabs */
    char **image, **label, **chosen; /* (rows), in these lines */
    char *header, *method;
} clr_judged;

/* method: of the columns, or NULL for the first. Freed by clr_judged_free, also after a failure. CLR_EIO,
   CLR_EINPUT. */
clr_status clr_judged_read(const char *path, const char *method, clr_judged *judged);
void clr_judged_free(clr_judged *judged);

/* Whether both are of the same images, with the same classes; else CLR_EINPUT. */
clr_status clr_judged_same(const clr_judged *a, const clr_judged *b);

#endif
