/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PRETRAINING_H
#define CLR_PRETRAINING_H
/* Pretraining at work, for the files that make it up. */
#include "clr/loader.h"
#include "clr/pretrain.h"
#include "clr/step.h"
#include "shared.h"
#include "verdict.h"

typedef struct clr_pretraining {
    clr_task task; /* first */
    const clr_pretrain_config *config;
    bool first;   /* rank 0 */
    int channels; /* of a view */
    clr_split split;
    clr_store *store;
    const clr_store_info *data;
    clr_loader *loader;
    int32_t *labels; /* of this rank's images of a step, for the online probe; NULL without */
    clr_planner *planner;
    clr_encoder *encoder;
    clr_params params;
    clr_objective *objective, *observer; /* of z; of h, the online probe, or NULL */
    clr_step *step;
    clr_schedule schedule;
    double chance;
    clr_pretrain_row row; /* of the latest step */
    clr_verdict verdict;
} clr_pretraining;

/* Local. The network and the loader's settings of this rank, complete. */
clr_encoder_config clr_pretraining_encoder(const clr_pretraining *p);
clr_loader_config clr_pretraining_loader(const clr_pretraining *p);
/* Local. The online probe on h. */
clr_softmax_config clr_pretraining_probe(const clr_pretraining *p, int features);

/* options.c. Local. Checks what one option alone cannot show (batch against dataset, ...), and names each
   contradiction. data: may be NULL. */
clr_status clr_pretraining_check(const clr_pretrain_config *config, const clr_opt_set *options,
                                 const clr_store_info *data, int ranks);

/* parts.c. Collective; status agreed upon. What clr_task_kind says of open. */
clr_status clr_pretraining_open(clr_pretraining *p, const clr_ckpt_meta *meta);

/* memory.c. Collective; status agreed upon. What a rank will take against what is there; refuses with settings that
   would fit. gibs: NULL, or what is needed and what is there. */
clr_status clr_pretraining_memory(const clr_pretraining *p, double gibs[2]);

#endif
