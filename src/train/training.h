/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_TRAINING_H
#define CLR_TRAINING_H
/* A run's parts, for the files that make, save and report it. */
#include "clr/ckpt.h"
#include "clr/config.h"
#include "clr/loader.h"
#include "clr/loss.h"
#include "clr/metrics.h"
#include "clr/step.h"
#include "lock.h"

typedef struct clr_training {
    clr_comm *comm;
    const clr_config *config;
    const clr_opt_set *options;
    bool first;                   /* rank 0 */
    int threads, channels, views; /* of this rank; of a view; that the encoder gets at a time, at most */
    clr_store *store;
    const clr_store_info *data;
    clr_lock *lock; /* rank 0, as metrics and saver */
    clr_planner *planner;
    clr_encoder *encoder;
    clr_optim *optim;
    clr_params params;
    clr_objective *objective, *observer; /* of z; of h, the online probe, or NULL */
    clr_step *step;
    clr_loader *loader;
    int32_t *labels; /* of this rank's images of a step, for the online probe; NULL without */
    clr_saver *saver;
    clr_metrics metrics;
    clr_metrics_row last; /* of the steps before this start */
    char *text;           /* of DIR/config, and of checkpoints */
    char *plan, *layout;  /* of checkpoints */
    char *from;           /* rank 0: the checkpoint that is gone on from, or NULL; its meta */
    clr_ckpt_meta meta;
    clr_schedule schedule;
    int64_t begin, total, per_epoch; /* steps */
    int64_t whole;                   /* of the checkpoint that was gone on from; -1 */
    double chance;

    clr_occasions every;
    double last_save, reading; /* seconds; reading: that the checkpoint took at the start */
    int64_t saved;             /* the step of the checkpoint that was written or begun last */
    int failed_saves;
    bool unsaved; /* stopped without a checkpoint of the last step */

    double deadline, look; /* seconds since 1970 at which to be done, or 0; when to look for RUN/stop again */
    bool stop_file;        /* it was there */
    char why[512];         /* the run stops, as far as this rank knows */

    double began, spoke, slowest; /* when the loop began; when progress was last shown; the slowest step */
    int64_t spoke_step;
    double least, most, late; /* loss since the warm-up; late: sum of some */
    int64_t alike;            /* steps for which all embeddings have been the same */
    bool collapsed;           /* that is said */
} clr_training;

/* open.c. Collective; status agreed upon. Everything up to the first step, the checkpoint of step 0 on the disk. */
clr_status clr_training_open(clr_training *t);
void clr_training_close(clr_training *t);

/* memory.c. Local. The online probe on h. */
clr_softmax_config clr_training_probe(const clr_training *t, int features);

/* memory.c. Collective; status agreed upon. What a rank will take against what is there; refuses with settings that
   would fit. gibs: NULL, or what is needed and what is there. */
clr_status clr_training_memory(clr_training *t, const clr_encoder_config *encoder, const clr_loader_config *loader,
                               double gibs[2]);

/* save.c. Whether a checkpoint is due after done updates, as far as this rank knows: rank 0 has the clock. Local. */
bool clr_training_due(const clr_training *t, int64_t done);
/* Seconds that a save may take. Local; rank 0. */
double clr_training_saving(const clr_training *t);
/* After numbers that ceased to be finite: waits for a save in flight and says what the same command goes on from.
   Local; rank 0. */
void clr_training_remains(const clr_training *t);
/* Collective. Makes sure that the run directory is still this job's (else CLR_EBUSY), that all ranks hold the same
   weights, and that what is saved is finite (else CLR_ENUMERIC), all agreed upon, and starts a save on rank 0. Failed
   saves are warned about. */
clr_status clr_training_save(clr_training *t, int64_t done);
/* Local; rank 0, at the end: tries again where saves fail, for there is no next occasion. CLR_EIO where the
   checkpoint of step done, or rows of metrics.tsv, are not on the disk. */
clr_status clr_training_settle(clr_training *t, int64_t done);
/* Whether so many saves have failed that going on makes no sense. Local; rank 0. */
bool clr_training_hopeless(const clr_training *t);

/* stop.c. Local: whether this rank wishes the run to stop before its end; why is noted. */
bool clr_training_stops(clr_training *t);
bool clr_training_asked(clr_training *t); /* collective: whether some rank does */
void clr_training_because(clr_training *t, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* local; the first reason stays */
const char *clr_training_why(const clr_training *t);
/* Local; rank 0. RUN/stop, where it was seen, becomes RUN/stopped after the last save, and stands so until the next
   start: what puts jobs back into a queue sees that this one was not meant to come back. */
void clr_training_honour(const clr_training *t);
void clr_training_forget(const clr_training *t);

/* fetch.c. Collective; status agreed upon. The images of a step. Where some rank's cannot be read, all try again for
   some seconds, and no longer than until some rank wishes to stop (*stop, which stays as it is otherwise). */
clr_status clr_training_fetch(clr_training *t, int64_t number, clr_batch *batch, bool *stop);

/* report.c. Local; rank 0 speaks. */
void clr_report_start(const clr_training *t);
clr_status clr_report_step(clr_training *t, int64_t done, const clr_step_result *result, const clr_batch *batch,
                           double lr, double seconds);

/* Local. Epochs after `done` steps. */
static inline double clr_training_epoch(const clr_training *t, int64_t done)
{
    return (double)done * (double)t->config->batch / (double)t->data->images;
}

/* Local. Images of this rank in a step. */
static inline int clr_training_share(const clr_training *t)
{
    int ranks = clr_comm_size(t->comm), rank = clr_comm_rank(t->comm);
    return (int)(clr_share(t->config->batch, ranks, rank + 1) - clr_share(t->config->batch, ranks, rank));
}

#endif
