/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CONFIG_H
#define CLR_CONFIG_H
/* A run's settings: the struct that pretrain's option table fills (src/train/config.c), read by probe and embed from a
   checkpoint too. Fields are the options of INTERFACE, defaults the paper's. */

#include "clr/encoder.h"
#include "clr/loss.h"
#include "clr/opt.h"
#include "clr/optim.h"
#include "clr/store.h"

typedef struct clr_config {
    const char *data, *run_dir, *preset, *allow_change;
    int arch; /* resnet18|resnet34|resnet50|resnet101|resnet152 */
    double width;
    int stem; /* imagenet|cifar */
    int64_t image_size;
    int head; /* none|linear|nonlinear */
    int64_t head_layers, head_dim;
    int loss; /* CLR_LOSS_WORDS */
    double temperature;
    bool l2norm;
    int negatives, mining; /* two-view|one-view; none|semi-hard */
    double margin;
    int64_t batch; /* global, images */
    double epochs;
    int64_t steps;      /* 0: from epochs */
    int64_t microbatch; /* images of all ranks at a time; 0: all at once */
    bool recompute;
    int optimizer; /* CLR_OPTIM_WORDS */
    double lr;
    int lr_scaling; /* linear|sqrt */
    double warmup_epochs, weight_decay, momentum;
    int bn; /* global|local */
    bool online_probe;
    const char *augment, *augment_second; /* second NULL: the same */
    int64_t seed, threads;                /* threads 0: the cores of this rank */
    int dtype;                            /* fp32 */
    const char *plan;                     /* see clr_planner_open */
    const char *checkpoint_every;         /* "500", "600s", "1e", "1e,600s" */
    int64_t keep;
    const char *time_limit; /* "3600", "01:00:00"; NULL: SLURM_JOB_END_TIME where set */
    double watchdog;        /* seconds without a step before the job is ended; 0: never */
    int64_t log_every;      /* steps between progress lines in a log */
} clr_config;

extern const clr_opt clr_config_options[];

/* Local. What the options say of the network, the loss and the optimizer. channels: of a view. */
clr_encoder_config clr_config_encoder(const clr_config *config, int channels);
clr_loss_config clr_config_loss(const clr_config *config);
clr_optim_config clr_config_optim(const clr_config *config);

/* When checkpoints are due; 0: not by this measure. */
typedef struct clr_occasions {
    int64_t steps, epoch_steps; /* every so many; the second from epochs */
    double seconds;
} clr_occasions;

/* Local. What --checkpoint-every says; per_epoch: steps. */
clr_status clr_config_every(const clr_config *config, int64_t per_epoch, clr_occasions *every);

/* Local. Checks what one option alone cannot show (batch against dataset, ...), and names each contradiction.
   options, data: may be NULL. */
clr_status clr_config_check(const clr_config *config, const clr_opt_set *options, const clr_store_info *data,
                            int ranks);

#endif
