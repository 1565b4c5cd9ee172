/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_REPORT_H
#define CLR_REPORT_H
/* A page about runs side by side, and the same as text and TSV. Local. */
#include "clr/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { CLR_REPORT_BYTES = 5 << 20 }; /* of the page, at most */

typedef struct clr_report_config {
    const char *output; /* PAGE.html; PAGE.txt, PAGE-runs.tsv and PAGE-probes.tsv are written beside it */
    const char *runs;   /* the folder of a table's runs; NULL: runs/NAME, at another scale than small runs/NAME-SCALE */
    const char *scale;  /* of a table: which of its rows */
    bool force;         /* replace them */
} clr_report_config;

typedef struct clr_report_counts {
    int runs, done, running, died;
    int64_t bytes; /* of the page */
    bool plots;    /* there is a gnuplot */
} clr_report_counts;

/* paths: run directories, folders with such in them, or one table of settings. What is missing in a run leaves its
   place empty and is no error; where a file is there and cannot be read, the files are written and it is CLR_EIO; a
   path that is none of these is CLR_EINPUT. Each file appears whole or not at all. */
clr_status clr_report_write(const char *const *paths, int n, const clr_report_config *config,
                            clr_report_counts *counts);

#endif
