/* SPDX-License-Identifier: BSD-3-Clause */
/* When and how a run saves. A failed save does not fail the run: the checkpoint before it is whole. */
#include "running.h"

#include "clr/hash.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/watchdog.h"
#include "watch.h"

#include <inttypes.h>
#include <unistd.h>

enum { FAILED_SAVES = 5, LAST_ATTEMPTS = 3 };

bool clr_run_save_due(const clr_run *run, int64_t done)
{
    const clr_saving *saving = &run->saving;
    double seconds = run->config->checkpoint_every.seconds;

    return (saving->step_interval && done % saving->step_interval == 0) ||
           (saving->epoch_interval && done % saving->epoch_interval == 0) ||
           (run->first && seconds > 0 && clr_seconds() - saving->last >= seconds);
}

double clr_run_save_seconds(const clr_run *run)
{
    double saving = clr_saver_seconds(run->saver);
    return saving > run->saving.reading ? saving : run->saving.reading;
}

bool clr_run_saves_fail(const clr_run *run)
{
    return run->saving.failures >= FAILED_SAVES;
}

/* The step of the newest checkpoint that is known to be whole: written by this start, or verified and gone on from. */
static int64_t whole(const clr_run *run)
{
    return clr_max64(run->saving.whole, clr_saver_saved(run->saver));
}

void clr_run_say_remains(const clr_run *run)
{
    char *error = clr_copy_text(clr_message()); /* which the caller tells */

    if (clr_saver_wait(run->saver) != CLR_OK)
        clr_warn("%s", clr_message());
    clr_fail(CLR_ENUMERIC, "%s", error);
    clr_free(error);
    clr_info("the checkpoint of step %" PRId64 " is whole and finite: the same command goes on from it", whole(run));
}

/* All ranks apply the same sums, so their weights have the same bits. If not, memory or network is faulty. */
static clr_status compare_ranks(clr_run *run)
{
    const clr_params *params = run->task->params;
    uint64_t hash = clr_hash(CLR_HASH_START, params->value, (size_t)params->weights.floats * sizeof *params->value);
    double low = (double)(hash & 0xffffffff), high = (double)(hash >> 32), most[4] = {low, -low, high, -high};

    clr_comm_allreduce_max_double(run->comm, most, 4);
    if (most[0] == -most[1] && most[2] == -most[3])
        return CLR_OK;
    return clr_comm_agree(
        run->comm, clr_fail(CLR_ENUMERIC,
                            "after step %" PRId64 " the ranks' weights differ: memory, network or the MPI library "
                            "is at fault; nothing was saved, the same command goes on from the newest checkpoint",
                            run->step));
}

/* st: how the save begun last ended. */
static void note_outcome(clr_run *run, clr_status st)
{
    run->saving.failures = st == CLR_OK ? 0 : run->saving.failures + 1;
    if (st != CLR_OK)
        clr_warn("A CHECKPOINT COULD NOT BE SAVED (%d in a row): %s. That of step %" PRId64
                 " is whole; trying again at the next occasion",
                 run->saving.failures, clr_message(), whole(run));
}

/* Starts a save. Returns the status of the previous one. */
static clr_status begin(clr_run *run)
{
    clr_ckpt_meta meta = {.step = run->step,
                          .epoch = clr_run_epoch(run, run->step),
                          .seed = run->task->seed,
                          .config = run->text,
                          .version = (char *)(uintptr_t)PACKAGE_VERSION,
                          .plan = run->task->plan,
                          .layout = run->layout};

    if (clr_metrics_sync(&run->metrics) != CLR_OK)
        clr_warn("%s; its rows wait in memory, trying again with the next row", clr_message());
    else
        clr_run_sync_logs(run);
    return clr_saver_begin(run->saver, &meta);
}

clr_status clr_run_save(clr_run *run)
{
    clr_watch_phase("saving a checkpoint", run->step);
    clr_status st = clr_comm_agree(run->comm, run->first ? clr_lock_check(run->lock) : CLR_OK);
    if (st == CLR_OK)
        st = compare_ranks(run);
    if (st != CLR_OK)
        return st;
    if (run->first && (st = begin(run)) != CLR_ENUMERIC) {
        note_outcome(run, st);
        st = CLR_OK;
    }
    run->saving.saved = run->step;
    if (st != CLR_OK)
        st = clr_fail_in(st, "numbers ceased to be finite; a smaller --lr may help (with --allow-change=lr)");
    run->saving.last = clr_seconds();
    return clr_comm_agree(run->comm, st);
}

clr_status clr_run_finish_saves(clr_run *run)
{
    clr_watch_phase("waiting for a checkpoint to be on the disk", -1);
    clr_status st = clr_saver_wait(run->saver);
    for (int attempt = 1; st != CLR_OK && attempt < LAST_ATTEMPTS; attempt++) {
        note_outcome(run, st);
        sleep(1);
        begin(run);
        st = clr_saver_wait(run->saver);
    }
    if (st != CLR_OK)
        return clr_fail_in(st,
                           "%s: the last checkpoint, of step %" PRId64
                           ", could not be saved; the same command goes on from that of step %" PRId64,
                           run->config->run_dir, run->step, whole(run));
    st = clr_metrics_sync(&run->metrics);
    return st == CLR_OK
               ? st
               : clr_fail_in(st, "the checkpoint of step %" PRId64 " is saved, but its last rows of metrics are not",
                             run->step);
}
