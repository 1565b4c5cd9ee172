/* SPDX-License-Identifier: BSD-3-Clause */
/* When and how a run saves. A failed save is an occasion lost, not a run: the checkpoint before it is whole. */
#include "training.h"

#include "clr/hash.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "watch.h"

#include <inttypes.h>
#include <unistd.h>

enum { FAILED_SAVES = 5, LAST_ATTEMPTS = 3 };

bool clr_training_due(const clr_training *t, int64_t done)
{
    const clr_occasions *every = &t->every;

    return (every->steps && done % every->steps == 0) || (every->epoch_steps && done % every->epoch_steps == 0) ||
           (t->first && every->seconds > 0 && clr_seconds() - t->last_save >= every->seconds);
}

double clr_training_saving(const clr_training *t)
{
    double saving = clr_saver_seconds(t->saver);
    return saving > t->reading ? saving : t->reading;
}

bool clr_training_hopeless(const clr_training *t)
{
    return t->failed_saves >= FAILED_SAVES;
}

/* The step of the newest checkpoint that is known to be whole: written by this start, or verified and gone on from. */
static int64_t whole(const clr_training *t)
{
    return clr_max64(t->whole, clr_saver_saved(t->saver));
}

void clr_training_remains(const clr_training *t)
{
    char *error = clr_copy_text(clr_message()); /* which the caller tells */

    if (clr_saver_wait(t->saver) != CLR_OK)
        clr_warn("%s", clr_message());
    clr_fail(CLR_ENUMERIC, "%s", error);
    clr_free(error);
    clr_info("the checkpoint of step %" PRId64 " is whole and finite: the same command goes on from it", whole(t));
}

/* Ranks step the same sums, so their weights are the same bits; where they are not, memory or network is at fault. */
static clr_status compare_ranks(clr_training *t, int64_t done)
{
    const clr_params *params = clr_encoder_params(t->encoder);
    uint64_t hash = clr_hash(CLR_HASH_START, params->value, (size_t)params->weights.floats * sizeof *params->value);
    double low = (double)(hash & 0xffffffff), high = (double)(hash >> 32), most[4] = {low, -low, high, -high};

    clr_comm_allreduce_max_double(t->comm, most, 4);
    if (most[0] == -most[1] && most[2] == -most[3])
        return CLR_OK;
    return clr_comm_agree(
        t->comm, clr_fail(CLR_ENUMERIC,
                          "after step %" PRId64 " the ranks' weights differ: memory, network or the MPI library "
                          "is at fault; nothing was saved, the same command goes on from the newest checkpoint",
                          done));
}

/* st: how the save begun last ended. */
static void bear(clr_training *t, clr_status st)
{
    t->failed_saves = st == CLR_OK ? 0 : t->failed_saves + 1;
    if (st != CLR_OK)
        clr_warn("A CHECKPOINT COULD NOT BE SAVED (%d in a row): %s. That of step %" PRId64
                 " is whole; trying again at the next occasion",
                 t->failed_saves, clr_message(), whole(t));
}

/* Of the save before; this one is in flight then. */
static clr_status begin(clr_training *t, int64_t done)
{
    clr_ckpt_meta meta = {.step = done,
                          .epoch = clr_training_epoch(t, done),
                          .seed = (uint64_t)t->config->seed,
                          .config = t->text,
                          .version = (char *)(uintptr_t)PACKAGE_VERSION,
                          .plan = t->plan,
                          .layout = t->layout};

    if (clr_metrics_sync(&t->metrics) != CLR_OK)
        clr_warn("%s; its rows wait in memory, trying again with the next row", clr_message());
    return clr_saver_begin(t->saver, &meta);
}

clr_status clr_training_save(clr_training *t, int64_t done)
{
    clr_watch_phase("saving a checkpoint", done);
    clr_status st = clr_comm_agree(t->comm, t->first ? clr_lock_check(t->lock) : CLR_OK);
    if (st == CLR_OK)
        st = compare_ranks(t, done);
    if (st != CLR_OK)
        return st;
    if (t->first && (st = begin(t, done)) != CLR_ENUMERIC) {
        bear(t, st);
        st = CLR_OK;
    }
    t->saved = done;
    if (st != CLR_OK)
        st = clr_fail_in(st, "numbers ceased to be finite; a smaller --lr may help (with --allow-change=lr)");
    t->last_save = clr_seconds();
    return clr_comm_agree(t->comm, st);
}

clr_status clr_training_settle(clr_training *t, int64_t done)
{
    clr_watch_phase("waiting for a checkpoint to be on the disk", -1);
    clr_status st = clr_saver_wait(t->saver);
    for (int attempt = 1; st != CLR_OK && attempt < LAST_ATTEMPTS; attempt++) {
        bear(t, st);
        sleep(1);
        begin(t, done);
        st = clr_saver_wait(t->saver);
    }
    if (st != CLR_OK)
        return clr_fail_in(st,
                           "%s: the last checkpoint, of step %" PRId64
                           ", could not be saved; the same command goes on from that of step %" PRId64,
                           t->config->run_dir, done, whole(t));
    st = clr_metrics_sync(&t->metrics);
    return st == CLR_OK
               ? st
               : clr_fail_in(st, "the checkpoint of step %" PRId64 " is saved, but its last rows of metrics are not",
                             done);
}
