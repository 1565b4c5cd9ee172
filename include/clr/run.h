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

#endif
