/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_FINETUNE_H
#define CLR_FINETUNE_H
/* Supervised training, a task (clr/task.h): softmax cross-entropy on a linear layer behind the encoder, from a
   checkpoint (fine-tuning) or from scratch (the supervised baseline). Fields are the options of INTERFACE. */
#include "clr/augment.h"
#include "clr/encoder.h"
#include "clr/optim.h"
#include "clr/run.h"

typedef enum clr_finetune_init { CLR_INIT_CHECKPOINT, CLR_INIT_RANDOM } clr_finetune_init;

typedef struct clr_finetune_config {
    clr_run_config run;
    const char *data, *test, *checkpoint, *labels, *plan; /* labels: see clr/labels.h */
    clr_finetune_init init;
    clr_encoder_config encoder; /* as the options say: without channels, views, training, head */
    int frozen;                 /* clr_encoder_config's */
    int from;                   /* 0: h; k: the k-th layer of the projection head, after its ReLU */
    clr_optim_config optim;
    clr_schedule_config schedule;
    clr_augment augment;
    int64_t batch; /* global, images */
    double epochs;
    int64_t steps;      /* 0: from epochs */
    double test_every;  /* epochs between evaluations on test; 0: at the end alone */
    int64_t microbatch; /* see clr/split.h */
    clr_dtype wire;     /* the type in which gradients are sent */
    int64_t seed;
} clr_finetune_config;

extern const clr_opt_part clr_finetune_options[];
extern const clr_task_kind clr_task_finetune;

/* Of metrics.tsv, behind step and epoch. test_*: of the latest evaluation, NaN before the first. */
/* clang-format off */
#define CLR_FINETUNE_COLUMNS(X)                                                                                  \
    X(loss) X(top1) X(lr) X(grad_norm) X(images_per_s) X(data_s) X(augment_s) X(forward_s) X(loss_s) X(backward_s) \
    X(reduce_s) X(update_s) X(exposed_s) X(bn_comm_s) X(test_loss) X(test_top1) X(test_top5)
/* clang-format on */

typedef struct clr_finetune_row {
#define CLR_FINETUNE_FIELD(name) double name;
    CLR_FINETUNE_COLUMNS(CLR_FINETUNE_FIELD)
} clr_finetune_row;

/* Collective; status agreed upon. Fills in what was not given: the settings of the run that --run-dir names, or the
   architecture of --checkpoint. Before clr_opt_finish. */
clr_status clr_finetune_complete(clr_comm *comm, clr_opt_set *set);

#endif
