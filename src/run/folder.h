/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_FOLDER_H
#define CLR_FOLDER_H
/* The run directory: made, held, and checked to belong to this very run. Rank 0 alone. */
#include "running.h"

/* The text of DIR/config: versions and the dataset's identity as comments, then every option. Freed by clr_free. */
char *clr_folder_text(const clr_run *run);

/* Whether `earlier`, such a text of before, is of these settings and this dataset, but for what --allow-change names,
   and for length and schedule where the `done` steps that were made keep their learning rates; else CLR_ECONFIG. */
clr_status clr_folder_compare(const clr_run *run, const char *earlier, int64_t done);

/* Compares DIR/config (where there is one, and a checkpoint) with this run's settings and dataset: CLR_ECONFIG. Writes
   nothing. */
clr_status clr_folder_check(const clr_run *run);

/* Makes DIR, takes its lock (into run), compares DIR/config as clr_folder_check does, and opens DIR/log. Where it
   fails, nothing in DIR has changed. */
clr_status clr_folder_open(clr_run *run);

/* Writes the run's text to DIR/config where it says otherwise. Last of a start: one that fails before leaves what an
   earlier one wrote. */
clr_status clr_folder_put_config(const clr_run *run);

#endif
