/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_MODEL_H
#define CLR_MODEL_H
/* What a report is about: runs with all their texts. Local. */
#include "clr/report.h"
#include "clr/results.h"
#include "grid.h"
#include "history.h"
#include "settings.h"
#include "table.h"
#include "tsv.h"

typedef struct clr_reported {
    clr_result result;
    char *config; /* its text, "" where it cannot be read */
    clr_settings settings;
    clr_tsv metrics, probes;
    clr_history history;
    bool contrastive;   /* pretraining: two views an image */
    double views_per_s; /* median over the steps; NaN: not known */
    double core_hours;  /* of all steps in metrics.tsv; NaN: not known */
    char *trouble;      /* files that are there and cannot be read, with the reasons, a line each; "" */
    double accuracy;    /* that runs are compared by, %; NaN: it has none */
} clr_reported;

typedef struct clr_report {
    clr_reported *run;
    int runs;
    const char *judged;   /* what measured the accuracy of all: "linear-sgd" */
    clr_table_file table; /* zeroed: there is none */
} clr_report;

/* Notes for a run, and warns, that st is why a file of it is not known; CLR_OK does nothing. */
void clr_report_note(clr_reported *run, clr_status st);

/* All runs that paths name or hold; a path that is a file is a table, whose rows at config->scale are runs of the
   folder config->runs, or, where that is NULL, of the one that jobs/ablation.sh takes for jobs/tables/NAME.tsv.
   CLR_EINPUT: a path is and holds none. Freed by clr_report_free, also after a failure. */
clr_status clr_report_read(const char *const *paths, int n, const clr_report_config *config, clr_report *report);
void clr_report_free(clr_report *report);

/* judge.c. Fills accuracy and judged: by linear-lbfgs, linear-paper, linear-sgd, knn, the test images or the online
   probe, whichever measured most runs, the first of these where that is several. */
void clr_report_judge(clr_report *report);

/* tables.c. A row a run: state, settings that differ, results. */
clr_grid clr_report_runs(const clr_report *report);
/* A row an evaluation, with its protocol. */
clr_grid clr_report_probes(const clr_report *report);
/* Takes the protocols out of such a table, where their numbers stay, and lists them. */
clr_grid clr_report_protocols(clr_grid *probes);
/* A row a run: program, dataset, machine. */
clr_grid clr_report_provenance(const clr_report *report);

#endif
