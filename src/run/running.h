/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_RUNNING_H
#define CLR_RUNNING_H
/* A run at work, for the files of this folder. */
#include "clr/ckpt.h"
#include "clr/metrics.h"
#include "clr/run.h"
#include "lock.h"
#include "sink.h"

enum { CLR_REQUEST_STOP = 1, CLR_REQUEST_SAVE = 2 };

/* Why and when to stop. */
typedef struct clr_stopping {
    double deadline; /* seconds since 1970 at which to be done, or 0 */
    double look;     /* when to look for RUN/stop again */
    bool file;       /* RUN/stop was there */
    bool asked;      /* some rank asked for a stop while the task waited for something */
    char why[512];   /* as far as this rank knows */
} clr_stopping;

/* Checkpoints of this start. */
typedef struct clr_saving {
    int64_t step_interval, epoch_interval; /* steps; 0: not by this measure */
    double last, reading;                  /* seconds: when the last save began; how long reading the checkpoint took */
    int64_t saved;                         /* the step of the checkpoint that was written or begun last */
    int64_t whole;                         /* the step of the checkpoint that was gone on from; -1 */
    int failures;                          /* in a row */
    bool unsaved;                          /* stopped without a checkpoint of the last step */
} clr_saving;

/* What was shown when. */
typedef struct clr_showing {
    double began, spoke; /* seconds: the loop; the latest line of progress */
    int64_t step;        /* of that line */
} clr_showing;

struct clr_run {
    clr_comm *comm;
    clr_task *task;
    const clr_run_config *config;
    const clr_opt_set *options;
    bool first;     /* rank 0 */
    clr_lock *lock; /* rank 0's, as saver, metrics, from and meta */
    clr_saver *saver;
    clr_metrics metrics;
    clr_sink sink[CLR_SINKS];         /* of --log-format; zeroed: not wanted */
    double row[2 + CLR_TASK_COLUMNS]; /* of metrics.tsv: the latest that is known */
    char *from;                       /* the checkpoint that is gone on from, or NULL */
    clr_ckpt_meta meta;
    char *text, *layout; /* of DIR/config and checkpoints; of checkpoints */
    int64_t step;        /* updates done */
    double slowest;      /* seconds of the slowest step */
    clr_stopping stopping;
    clr_saving saving;
    clr_showing showing;
};

/* open.c. Collective; status agreed upon. Everything up to the first step, the checkpoint of step 0 on the disk. */
clr_status clr_run_open(clr_run *run);
void clr_run_close(clr_run *run); /* also after a failure */

/* logs.c. Local; rank 0. What --log-format names: opened behind metrics.tsv; a row of it, run->row; whole again and on
   the disk; closed, also where nothing was opened. */
void clr_run_open_logs(clr_run *run);
void clr_run_log_row(clr_run *run);
void clr_run_sync_logs(clr_run *run);
void clr_run_close_logs(clr_run *run);

/* save.c. Whether a checkpoint is due after done updates, as far as this rank knows: rank 0 has the clock. Local. */
bool clr_run_save_due(const clr_run *run, int64_t done);
/* Seconds that a save may take. Local; rank 0. */
double clr_run_save_seconds(const clr_run *run);
/* After NaN or infinities: waits for a save in flight and says from which checkpoint the same command goes on.
   Local; rank 0. */
void clr_run_say_remains(const clr_run *run);
/* Collective. Makes sure that the run directory is still this job's (else CLR_EBUSY), that all ranks hold the same
   weights, and that what is saved is finite (else CLR_ENUMERIC), all agreed upon, and starts a save on rank 0. Failed
   saves are warned about. */
clr_status clr_run_save(clr_run *run);
/* Local; rank 0, at the end: repeats failed saves, because this is the last occasion. CLR_EIO where the checkpoint
   of the last step, or rows of metrics.tsv, are not on the disk. */
clr_status clr_run_finish_saves(clr_run *run);
/* Whether so many saves have failed that the run should stop. Local; rank 0. */
bool clr_run_saves_fail(const clr_run *run);

/* stop.c. Local: whether this rank wants the run to stop before its end; why is noted. */
bool clr_run_stops(clr_run *run);
/* Local; the first reason stays. */
void clr_run_because(clr_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *clr_run_why(const clr_run *run);
/* Local; rank 0. Renames RUN/stop, if it was seen, to RUN/stopped after the last save. It stays until the next
   start, so that a script that requeues jobs sees that this one should not come back. */
void clr_run_keep_stopped(const clr_run *run);
void clr_run_forget_stopped(const clr_run *run);

/* progress.c. Local; rank 0 speaks. The start-up report's first lines; a line of progress where it is due. */
void clr_run_report(const clr_run *run);
void clr_run_progress(clr_run *run);

/* open.c. A run with its task's struct, which clr_run_close frees; the caller sets task->run, whose place it knows. */
clr_run clr_run_of(clr_comm *comm, const clr_task_kind *kind, const clr_run_config *config, const clr_opt_set *options);
/* open.c. Collective; status agreed upon. The options of the run itself, then the task's preparation. */
clr_status clr_run_prepare(clr_run *run);
/* open.c. Local, rank 0. Finds the newest good checkpoint (run->from, NULL where there is none), reads its attributes
   and makes sure that it is of this run. */
clr_status clr_run_find(clr_run *run);

/* Local. Epochs after `done` steps. */
static inline double clr_run_epoch(const clr_run *run, int64_t done)
{
    return (double)done * (double)run->task->samples_a_step / (double)run->task->samples;
}

#endif
