/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PRETRAIN_H
#define CLR_PRETRAIN_H
/* Contrastive pretraining, a task (clr/task.h): SimCLR's step over a dataset. Fields are the options of INTERFACE,
   defaults the paper's. */

#include "clr/augment.h"
#include "clr/encoder.h"
#include "clr/loss.h"
#include "clr/optim.h"
#include "clr/run.h"

typedef struct clr_pretrain_config {
    clr_run_config run;
    const char *data, *preset, *plan, *init; /* plan: see clr_planner_open; init: a checkpoint to start from */
    clr_encoder_config encoder;              /* as the options say: without channels, views, training */
    clr_loss_config loss;
    clr_optim_config optim;
    clr_schedule_config schedule;
    clr_augment_pair augment;
    int64_t batch; /* global, images */
    double epochs;
    int64_t steps;      /* 0: from epochs */
    int64_t microbatch; /* see clr/split.h */
    clr_dtype wire;     /* the type in which gradients are sent */
    int64_t seed;
    double budget; /* seconds of training for which --preset=auto chooses epochs; 0: none */
    bool online_probe;
} clr_pretrain_config;

extern const clr_opt_part clr_pretrain_options[];
extern const clr_task_kind clr_task_pretrain;

/* Of metrics.tsv, behind step and epoch. */
/* clang-format off */
#define CLR_PRETRAIN_COLUMNS(X)                                                                                 \
    X(loss) X(chance) X(contrast_top1) X(contrast_top5) X(entropy) X(lr) X(grad_norm) X(images_per_s)           \
    X(data_s) X(augment_s) X(forward_s) X(gather_s) X(loss_s) X(backward_s) X(reduce_s) X(update_s) X(exposed_s) \
    X(bn_comm_s) X(positive) X(negative) X(online_top1) X(spread)
/* clang-format on */

typedef struct clr_pretrain_row {
#define CLR_PRETRAIN_FIELD(name) double name;
    CLR_PRETRAIN_COLUMNS(CLR_PRETRAIN_FIELD)
} clr_pretrain_row;

/* complete.c. Collective; status agreed upon. Fills in what was not given: the settings of the run that --run-dir
   names, then, with --preset=auto, settings chosen from the dataset and from the options given, each printed with its
   reason. Before clr_opt_finish. */
clr_status clr_pretrain_complete(clr_comm *comm, clr_opt_set *set);

/* complete.c. Local. "90s", "20m", "8h", "2d" -> seconds, a double; NULL: 0. */
clr_status clr_pretrain_parse_budget(const char *text, void *field);

/* Collective; status agreed upon. The memory, GiB, that a rank of such a run would need and has, said as the run
   itself says it; CLR_EMEMORY with settings that would fit where it does not. Works without data too (then without the
   images that are read ahead). */
clr_status clr_pretrain_needs(clr_comm *comm, const clr_pretrain_config *config, const clr_opt_set *options,
                              double *needed, double *there);

typedef struct clr_pretrain_sizes {
    double rank, lean;           /* GiB that a rank needs; and with --recompute */
    double there;                /* GiB that a rank has, where as many share a node as do now */
    double gradient, checkpoint; /* bytes of the gradient; of a checkpoint */
} clr_pretrain_sizes;

/* Collective; status agreed upon. The sizes of such a run on so many ranks, of which only these few are there. Silent.
   Without the images that are read ahead. */
clr_status clr_pretrain_sizes_on(clr_comm *comm, const clr_pretrain_config *config, int ranks,
                                 clr_pretrain_sizes *sizes);

#endif
