/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_RUN_H
#define CLR_RUN_H
/* A pretraining run from start or resume to end. Collective. */

#include "clr/comm.h"
#include "clr/config.h"

typedef struct clr_run_result {
    int64_t steps;
    double epochs, loss, chance, contrast_top1, views_per_s, seconds;
    char *checkpoint; /* newest; freed by clr_free */
} clr_run_result;

/* options holds config's texts. CLR_STOPPED: stopped cleanly, checkpoint written. Status is agreed upon. */
clr_status clr_run(clr_comm *comm, const clr_config *config, const clr_opt_set *options, clr_run_result *result);

/* Collective; status agreed upon. The memory, GiB, that a rank of such a run would need and has, said as the run
   itself says it; CLR_EMEMORY with settings that would fit where it does not. Works without data too (then without the
   images that are read ahead). */
clr_status clr_run_needs(clr_comm *comm, const clr_config *config, const clr_opt_set *options, double *needed,
                         double *there);

#endif
