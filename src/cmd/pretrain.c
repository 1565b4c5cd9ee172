/* SPDX-License-Identifier: BSD-3-Clause */
/* pretrain: the run itself is src/train/run.c. */
#include "clr/cmd.h"
#include "clr/mem.h"
#include "clr/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    clr_run_result result;
    const clr_config *config = settings;
    double peak = 0;
    clr_status st = clr_run(comm, config, set, &result);

    if (st == CLR_OK || st == CLR_STOPPED) {
        peak = (double)clr_memory_peak() / 1048576;
        clr_comm_allreduce_max_double(comm, &peak, 1);
    }
    if (clr_comm_rank(comm) == 0 && (st == CLR_OK || st == CLR_STOPPED)) {
        printf("pretrain steps=%" PRId64 " epochs=%.3f loss=%.6f", result.steps, result.epochs, result.loss);
        if (!isnan(result.chance)) /* not every loss has one */
            printf(" chance=%.6f", result.chance);
        printf(" contrast_top1=%.4f views_per_s=%.1f seconds=%.1f peak_rss_mb=%.0f run_dir=%s checkpoint=%s\n",
               result.contrast_top1, result.views_per_s, result.seconds, peak, config->run_dir, result.checkpoint);
        fflush(stdout);
    }
    clr_free(result.checkpoint);
    return st;
}

const clr_command clr_command_pretrain = {.name = "pretrain",
                                          .arguments = "",
                                          .help =
                                              "contrastive pretraining; run again, it goes on from the last checkpoint",
                                          .options = clr_config_options,
                                          .config_bytes = sizeof(clr_config),
                                          .watches = true,
                                          .run = run};
