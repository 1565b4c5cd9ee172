/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_RUN_H
#define CLR_RUN_H
/* A run: a directory with config, log, metrics.tsv and checkpoints, held by one job at a time, in which a task is
   trained from its start or its newest checkpoint to its end, or until something asks for a stop. It knows no images
   and no losses. */
#include "clr/comm.h"
#include "clr/opt.h"
#include "clr/task.h"

/* When checkpoints are due: every so many steps, epochs, seconds; 0: not by this measure. */
typedef struct clr_intervals {
    int64_t steps;
    double epochs, seconds;
} clr_intervals;

typedef struct clr_time_limit {
    double seconds;   /* 0: none was given */
    const char *text; /* as it was given; the option set's */
} clr_time_limit;

typedef struct clr_run_config {
    const char *run_dir, *allow_change;
    clr_intervals checkpoint_every;
    int64_t keep;
    clr_time_limit time_limit;
    double watchdog;     /* seconds without a step before the job is ended; 0: never */
    int64_t log_every;   /* steps between progress lines in a log */
    int64_t threads;     /* of a rank; 0: its cores */
    unsigned log_format; /* beside metrics.tsv, see src/run/sink.h */
    bool dry_run;        /* for commands: clr_run_try instead of clr_run_task */
} clr_run_config;

/* --run-dir, --allow-change, --checkpoint-every, --keep, --time-limit, --log-every, --log-format, --dry-run, into a
   clr_run_config; --threads and --watchdog are others' (clr/comm.h, clr/watchdog.h), for its last fields. */
extern const clr_opt clr_run_options[];

enum { CLR_RUN_SUMMARY = 256 };

typedef struct clr_run_result {
    int64_t steps; /* done, of all starts */
    double epochs;
    double steps_per_s; /* of this start; NaN where it made none */
    double seconds;
    double row[CLR_TASK_COLUMNS];  /* the task's columns after the last step, NaN where they are not known */
    char summary[CLR_RUN_SUMMARY]; /* by the task */
    char *checkpoint;              /* newest; freed by clr_free */
} clr_run_result;

/* Collective. Trains a task. config: the struct that the task's options filled, options: what was given; they are the
   run's identity. CLR_STOPPED: stopped cleanly, with a checkpoint. The status is agreed upon. */
clr_status clr_run_task(clr_comm *comm, const clr_task_kind *kind, const clr_run_config *config,
                        const clr_opt_set *options, clr_run_result *result);

typedef struct clr_trial {
    int64_t steps, done; /* of the whole run; by its newest checkpoint */
    double seconds;      /* of a step */
    double checkpoint;   /* bytes of one */
} clr_trial;

/* Collective; status agreed upon. What clr_run_task does before its first step, and then a few steps to be timed, with
   nothing written and no lock taken: settings, dataset, memory and the run directory's settings are checked.
   silent: only errors are said. */
clr_status clr_run_try(clr_comm *comm, const clr_task_kind *kind, const clr_run_config *config,
                       const clr_opt_set *options, bool silent, clr_trial *trial);

/* Collective; status agreed upon. Where --run-dir names a run that has checkpoints, the settings that make its identity
   are those of its config unless something else was given: `pretrain --run-dir=DIR` alone goes on. Where a run with a
   cosine has come to its end and more --epochs or --steps are given, --schedule gets a restart there. Before
   clr_opt_finish. */
clr_status clr_run_inherit(clr_comm *comm, clr_opt_set *set);

/* Local. How many steps --steps, or where that is 0 --epochs, are. */
int64_t clr_run_steps(int64_t steps, double epochs, int64_t samples, int64_t batch);

enum { CLR_RUN_TIME = 32 }; /* bytes of a time as text */
/* Local. "9:22 min", "3 h 05 min"; the clock time so many seconds from now, "23:04", with the day where it is
   another. */
void clr_run_duration(double seconds, char text[CLR_RUN_TIME]);
void clr_run_clock(double seconds, char text[CLR_RUN_TIME]);
/* Local. Who works in a run directory, by its lock: nobody; somebody, who lives on this host or touched the lock
   within a minute and a half; somebody who has died without letting go. */
typedef enum clr_run_hold { CLR_RUN_FREE, CLR_RUN_HELD, CLR_RUN_LOST } clr_run_hold;
clr_run_hold clr_run_hold_of(const char *folder);

/* For tasks. */

/* Local. Bits for what this rank requests after the step that is about to be made (a stop, a checkpoint), which the
   task adds up over ranks (a bit is set where some rank's is) and hands back in its outcome: clock and signals are not
   the same on all ranks. At most CLR_RUN_REQUESTS bits. */
enum { CLR_RUN_REQUESTS = 2 };
unsigned clr_run_requests(clr_run *run);

/* Collective. Whether some rank wants the run to stop: between steps, while something is waited for. */
bool clr_run_asked(clr_run *run);

/* Local. Whether --allow-change names this option. */
bool clr_run_allows(const clr_run *run, const char *option);

#endif
