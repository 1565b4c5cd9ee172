/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_TSV_H
#define CLR_TSV_H
/* Tables of a run directory: cells parted by tabs, columns named by a "#" header, which may change on the way where
   another version went on. Local. */
#include "clr/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct clr_tsv_row {
    char *line;
    int header; /* the one that names its columns */
} clr_tsv_row;

typedef struct clr_tsv {
    char **header; /* without "#" */
    int headers;
    clr_tsv_row *row;
    int64_t rows, room;
} clr_tsv;

/* Every whole line, or with last the last one alone. No file: no rows. Rows before the first header are passed over.
   CLR_EIO; CLR_EMEMORY. Freed by clr_tsv_free, also after a failure. */
clr_status clr_tsv_read(const char *path, bool last, clr_tsv *tsv);
void clr_tsv_free(clr_tsv *tsv);

/* Whether some row can have such a column. */
bool clr_tsv_has(const clr_tsv *tsv, const char *column);

/* The cell, cut to fit, "" where there is none; and as a number, NaN where it is none. row: from 0; -1: the last. */
const char *clr_tsv_text(const clr_tsv *tsv, int64_t row, const char *column, char *text, size_t capacity);
double clr_tsv_number(const clr_tsv *tsv, int64_t row, const char *column);

#endif
