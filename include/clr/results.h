/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_RESULTS_H
#define CLR_RESULTS_H
/* What the texts of a run directory say of the run: config, lock, log, metrics.tsv, probe.tsv. Checkpoints are not
   opened, nothing is written, no part of the text is believed to be well formed. Local. */
#include "clr/err.h"

#include <stdbool.h>
#include <time.h>

typedef enum clr_result_state {
    CLR_RESULT_DONE,
    CLR_RESULT_RUNNING,
    CLR_RESULT_STOPPED,    /* has steps left and no process */
    CLR_RESULT_DIED,       /* the same, and its last process did not let go of the lock */
    CLR_RESULT_BEGUN,      /* no step yet, no process */
    CLR_RESULT_UNREADABLE, /* its config cannot be read */
    CLR_RESULT_NONE,       /* there is no such directory, or no config in it */
} clr_result_state;

typedef struct clr_result {
    char *path;       /* as given */
    const char *name; /* its last part */
    clr_result_state state;
    time_t when; /* of the latest row, or of the config; 0: not known */
    /* NaN: not known. Of the last row, but for steps, of the config. */
    double step, steps, epoch, loss;
    char *trouble; /* the first file that is there and cannot be read, with the reason; NULL: none */
    double probe;  /* percent: the latest of probe.tsv, else the accuracy that the run itself measures */
} clr_result;

/* *is: whether path is a folder with a regular file `config`. CLR_EIO: the system does not say. */
clr_status clr_result_is_run(const char *path, bool *is);

/* Freed by clr_result_free. What cannot be read is not known, and in trouble. */
clr_result clr_result_of(const char *path);
void clr_result_free(clr_result *result);

const char *clr_result_word(clr_result_state state); /* "done", "running", ... */

/* The run directories right in a folder, as paths in alphabetical order. CLR_EIO: it cannot be listed. Freed by
   clr_results_free_paths, also after a failure. */
clr_status clr_results_list(const char *folder, char ***paths, int *n);
void clr_results_free_paths(char **paths, int n);

#endif
