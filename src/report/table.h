/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_TABLE_FILE_H
#define CLR_TABLE_FILE_H
/* A table of settings as jobs/ablation.sh takes it, a line a row that begins with the row's name. Comments that a
   report reads:

     # title TEXT
     # x OPTION                 the setting that is varied; without it the report looks for one
     # paper ROW TOP1 [X]       the paper's number for a row, %; X: of that setting, where the paper's differs
     # scale NAME OPTIONS...    that there is such a scale

   A row with the word only:SCALE is one of that scale alone.

   Local. */
#include "clr/err.h"

#include <stdbool.h>

typedef struct clr_table_paper {
    char row[128];
    double top1, x; /* x: NaN: the run's own */
} clr_table_paper;

typedef struct clr_table_file {
    char *title, *x; /* NULL: it does not say */
    char **row;
    clr_table_paper *paper;
    int rows, papers, scales; /* scales: comments that name one */
    bool has_scale;           /* one of them names the scale that was asked for */
} clr_table_file;

/* The rows that count at a scale. CLR_EINPUT: it has no row, or a name that names no folder of its own; it has scales
   and not that one. Freed by clr_table_file_free, also after a failure. */
clr_status clr_table_file_read(const char *path, const char *scale, clr_table_file *table);
void clr_table_file_free(clr_table_file *table);

/* The paper's number for a row; NULL: it has none. */
const clr_table_paper *clr_table_file_paper(const clr_table_file *table, const char *row);

#endif
