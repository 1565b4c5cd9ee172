/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_FINETUNING_H
#define CLR_FINETUNING_H
/* Supervised training at work, for the files that make it up. */
#include "clr/finetune.h"
#include "clr/step.h"
#include "shared.h"

typedef struct clr_judge clr_judge; /* what an evaluation works with */

typedef struct clr_finetuning {
    clr_task task; /* first */
    const clr_finetune_config *config;
    bool first;   /* rank 0 */
    int channels; /* of a view */
    clr_split split;
    clr_store *store, *test;
    int64_t *subset; /* the images that are trained on, task.samples of them */
    int classes;
    int32_t *labels;      /* of this rank's images of a step */
    int32_t *test_labels; /* by the training set's numbers */
    clr_loader *loader;
    clr_planner *planner;
    clr_encoder *encoder;
    clr_params params;
    clr_objective *objective;
    int weight; /* entry of the classifier's weight; the bias is the next */
    clr_step *step;
    clr_judge *judge;
    clr_schedule schedule;
    clr_finetune_row row; /* of the latest step */
    double mean_class;    /* rank 0: percent, by the last evaluation of this start; NaN */
} clr_finetuning;

/* finetune_options.c. Local. Refuses options that contradict each other. */
clr_status clr_finetuning_check(const clr_finetune_config *config, const clr_opt_set *options, int ranks);

/* finetune_parts.c. Collective; status agreed upon. What clr_task_kind says of open. */
clr_status clr_finetuning_open(clr_finetuning *f, const clr_ckpt_meta *meta);

/* judge.c. Local. Bytes that clr_judge_new takes; dim: of what the classifier reads. */
int64_t clr_judge_bytes(const clr_finetuning *f, int dim);
/* Local. When encoder and test data are open; freed by clr_judge_free, which accepts NULL. */
clr_judge *clr_judge_new(const clr_finetuning *f);
void clr_judge_free(clr_judge *judge);
/* Collective; status agreed upon. Loss and accuracy on the test images, in inference mode, into f->row, which stays as
   it is where that fails: CLR_EIO, CLR_EINPUT: they cannot be read; CLR_ENUMERIC: logits are not finite. */
clr_status clr_finetuning_judge(clr_finetuning *f);
/* Local; rank 0, after the last evaluation. RUN/predictions.tsv, RUN/confusion.tsv and f->mean_class. */
void clr_judge_tables(clr_finetuning *f);

#endif
