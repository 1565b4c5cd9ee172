/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_INFO_H
#define CLR_INFO_H
/* The counts and the printing that the files of info share. Local. */
#include "clr/err.h"
#include "clr/h5.h"

#include <stdbool.h>

typedef struct clr_info_total {
    int64_t datasets, damaged, unreadable, nonfinite, unchecked;
    clr_status st; /* of the first fault */
    char why[600];
} clr_info_total;

/* Counts a fault, and returns what it is called: "DAMAGED". */
const char *clr_info_note(clr_info_total *t, clr_status st);

/* Prints text from a file; control characters are shown as '?'. */
void clr_info_print(const char *text);

/* Opens and closes an HDF5 file of any kind; a fault found at closing is counted too. */
clr_status clr_info_open(const char *path, clr_h5 **file);
void clr_info_close(clr_h5 *file, clr_info_total *t);

/* Verifies every dataset of a file. all: lists them all; quiet: none, and looks for NaN and infinities. */
void clr_info_check(clr_h5 *file, bool all, bool quiet, clr_info_total *t);

/* Prints what an HDF5 file holds and verifies it. all: lists every dataset. Returns its kind: "dataset", "checkpoint",
   "features", "hdf5" or, where it cannot be opened, "unknown". */
const char *clr_info_file(const char *path, bool all, clr_info_total *t);

/* A run directory: its config, its metrics, its checkpoints. */
void clr_info_run(const char *path, clr_info_total *t);

#endif
