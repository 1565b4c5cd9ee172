/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_TASK_H
#define CLR_TASK_H
/* What a run runs. The run (clr/run.h) knows directories, checkpoints, signals, time and progress; a task knows data,
   network and objectives. A family: one file a member in src/task. A member's struct begins with clr_task, so that
   its functions get from one to the other by a cast. */
#include "clr/ckpt.h"
#include "clr/opt.h"
#include "clr/optim.h"
#include "clr/params.h"

#include <stddef.h>

typedef struct clr_run clr_run;
typedef struct clr_task clr_task;

enum { CLR_TASK_COLUMNS = 64 }; /* the most that a task may have */

typedef struct clr_task_outcome {
    bool postponed;    /* no step was made, and nothing has changed: its data cannot be had, the status says why */
    unsigned requests; /* bit i: some rank requested it, see clr_run_requests */
    const double *row; /* the task's columns; rank 0 */
} clr_task_outcome;

struct clr_run_result;

typedef struct clr_task_kind {
    const char *name;
    size_t bytes;              /* of the task's struct, which begins with a clr_task */
    const char *const *column; /* of metrics.tsv, behind step and epoch */
    int columns;
    /* Collective; status agreed upon. Data and settings: fills what clr_task says of it. Takes no memory for
       training, and writes nothing. */
    clr_status (*prepare)(clr_task *task);
    /* Collective; status agreed upon. The parts, with params open and initialised. meta: of the checkpoint that the
       run goes on from, rank 0's alone; zeroed where there is none, and on other ranks. */
    clr_status (*open)(clr_task *task, const clr_ckpt_meta *meta);
    /* Collective; status agreed upon. Step `number`, counted from 0. */
    clr_status (*step)(clr_task *task, int64_t number, clr_task_outcome *outcome);
    /* Local; rank 0. What the line of progress says of the latest step, of which so many were made a second. */
    void (*describe)(const clr_task *task, double steps_per_s, char *text, size_t capacity);
    /* Local; rank 0, after the end: "loss=... ", the task's part of the line that says how the run ended. */
    void (*summarise)(const clr_task *task, const struct clr_run_result *result, char *text, size_t capacity);
    /* Local; rank 0, after open. A PNG of what is trained on, freed by free, for logs that show pictures; or NULL. */
    clr_status (*picture)(const clr_task *task, uint8_t **png, size_t *bytes);
    void (*close)(clr_task *task); /* also after a failure of prepare or open */
} clr_task_kind;

struct clr_task {
    /* By the run, before prepare; begin: before the first step. */
    const clr_task_kind *kind;
    const void *config;         /* of the task's own type, which begins with a clr_run_config */
    const clr_opt_set *options; /* what was given, and by whom */
    clr_run *run;
    clr_comm *comm;
    bool trial;           /* a few steps to be timed: nothing is written */
    bool silent;          /* a trial that says nothing */
    int threads;          /* of this rank */
    int64_t begin;        /* the step that this start begins with */
    const double *latest; /* rank 0: the last row of earlier starts; NULL: there is none */
    /* By prepare. */
    const char *data; /* the dataset's path, and what tells it from others */
    uint64_t checksum;
    int64_t samples;
    int64_t samples_a_step, steps_an_epoch;
    int64_t steps; /* in all */
    uint64_t seed;
    /* By open; freed by close. */
    clr_params *params;
    clr_optim *optim;
    char *plan; /* what the bits depend on beside the state, for checkpoints: handed to the next start's open */
};

#endif
