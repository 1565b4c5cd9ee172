/* SPDX-License-Identifier: BSD-3-Clause */
/* A run. Whatever depends on time or on a signal is a wish of some rank, travels in the reduction that a step makes
   anyway, and is acted upon by all ranks after that step. */
#include "clr/run.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "training.h"
#include "watch.h"

#include <inttypes.h>
#include <math.h>

enum { STOP = 1, SAVE = 2 };

/* What this rank requests for after the step that makes `done` updates. */
static unsigned requests(clr_training *t, int64_t done)
{
    return (clr_training_stops(t) ? STOP : 0) | (clr_training_due(t, done) ? SAVE : 0);
}

/* A number that is not finite: the nonfinite_here rank names the images, and every rank gets its sentence. */
static clr_status report_nonfinite(clr_training *t, int64_t done, const clr_step_result *result, const clr_batch *batch)
{
    char *list = clr_copy_text("");
    int n =
        result->nonfinite_images ? result->nonfinite_images : (int)clr_min64(CLR_STEP_NONFINITE, clr_training_share(t));

    if (!result->nonfinite_here) {
        clr_free(list);
        return clr_comm_agree(t->comm, CLR_OK);
    }
    char *where = clr_copy_text(clr_message());
    for (int i = 0; i < n; i++) {
        int64_t id = batch->ids[result->nonfinite_images ? result->nonfinite_image[i] : i];
        char *name = NULL, *longer;
        if (clr_store_name(t->store, id, &name) != CLR_OK)
            name = clr_copy_text("?");
        longer = clr_text("%s%s%" PRId64 " (%s)", list, i ? ", " : "", id, name);
        clr_free(name);
        clr_free(list);
        list = longer;
    }
    clr_status st = clr_comm_agree(
        t->comm, clr_fail(CLR_ENUMERIC,
                          "step %" PRId64 ": %s; %s images of this rank: %s. A smaller --lr may help (with "
                          "--allow-change=lr)",
                          done, where, result->nonfinite_images ? "from the" : "among the", list));
    clr_free(where);
    clr_free(list);
    return st;
}

/* The images of step `number` cannot be read, or some rank wished to stop while it waited for them: what was done up
   to there is saved. Before a start's first step nothing is, and images that are damaged fail the start. */
static clr_status give_up(clr_training *t, int64_t number, clr_status st)
{
    if (number == t->begin && st != CLR_OK && st != CLR_EIO && st != CLR_EMEMORY)
        return st;
    if (st != CLR_OK)
        clr_training_because(t, "%s", clr_message());
    return number > t->saved ? clr_training_save(t, number) : CLR_OK;
}

/* One step and what follows from it; *stop: some rank wished to. *number stays where no step was made. */
static clr_status advance(clr_training *t, int64_t *at, clr_run_result *result, bool *stop)
{
    double begin = clr_seconds(), lr = clr_schedule_at(&t->schedule, *at);
    int64_t number = *at, done = number + 1;
    clr_batch batch = {0};
    clr_step_result step;

    clr_status st = clr_training_fetch(t, number, &batch, stop);
    if (st != CLR_OK) {
        *stop = true;
        return give_up(t, number, st);
    }
    for (int i = 0; st == CLR_OK && t->labels && i < clr_training_share(t); i++)
        t->labels[i] = clr_store_labels(t->store)[batch.ids[i]];
    if (st == CLR_OK)
        st = clr_step_run(t->step, batch.views, t->labels, lr, number, requests(t, done), &step);
    if (st != CLR_OK)
        return st == CLR_ENUMERIC ? report_nonfinite(t, done, &step, &batch) : st;
    *at = done;
    double seconds = clr_seconds() - begin;
    t->slowest = seconds > t->slowest ? seconds : t->slowest;
    *result = (clr_run_result){.steps = done, .loss = step.loss.loss, .contrast_top1 = step.loss.top1};
    *stop = *stop || step.requests & STOP;
    clr_watch_phase("writing metrics", done);
    if (clr_report_step(t, done, &step, &batch, lr, seconds) !=
        CLR_OK) /* rank 0 alone: a row is lost, the run is not */
        clr_warn("%s", clr_message());
    return step.requests & SAVE || *stop || done == t->total ? clr_training_save(t, done) : CLR_OK;
}

/* Rank 0, after the last step of this start. A run that was asked to stop may go on elsewhere, from an older
   checkpoint. */
static clr_status settle(clr_training *t, int64_t number)
{
    bool hopeless = clr_training_hopeless(t);
    clr_status st = clr_training_settle(t, number);

    if (st == CLR_OK || hopeless || number == t->total)
        return st;
    clr_warn("%s", clr_message());
    t->unsaved = true;
    return CLR_OK;
}

static clr_status loop(clr_training *t, clr_run_result *result)
{
    clr_status st = CLR_OK;
    int64_t number = t->begin;

    if (t->first)
        clr_training_forget(t);
    bool stop = clr_training_asked(t); /* told so during the start */
    t->began = t->spoke = t->last_save = clr_seconds();
    t->spoke_step = t->begin;
    while (number < t->total && !stop && st == CLR_OK)
        st = advance(t, &number, result, &stop);
    if (st != CLR_OK)
        return st;
    if (number > t->begin)
        result->views_per_s = (double)(CLR_VIEWS * t->config->batch * (number - t->begin)) / (clr_seconds() - t->began);
    st = clr_comm_agree(t->comm, t->first ? settle(t, number) : CLR_OK);
    if (st != CLR_OK)
        return st;
    if (t->first)
        clr_training_honour(t);
    if (number == t->total)
        return CLR_OK;
    clr_info("stopped after step %" PRId64 " of %" PRId64 " (%s), %s: the same command goes on from there", number,
             t->total, clr_training_why(t),
             t->unsaved          ? "BUT THE LAST CHECKPOINT IS AN OLDER ONE"
             : number > t->begin ? "checkpoint written"
                                 : "before any step of this start");
    return clr_comm_agree(t->comm, CLR_STOPPED);
}

/* What is known of the last step before this start: metrics.tsv may have gone. */
static clr_run_result standing(const clr_training *t)
{
    bool known = t->last.step > 0;

    return (clr_run_result){.steps = t->begin,
                            .loss = known ? t->last.loss : NAN,
                            .contrast_top1 = known ? t->last.contrast_top1 : NAN,
                            .views_per_s = known ? CLR_VIEWS * t->last.images_per_s : NAN};
}

clr_status clr_run(clr_comm *comm, const clr_config *config, const clr_opt_set *options, clr_run_result *result)
{
    clr_training t = {.comm = comm, .config = config, .options = options, .metrics = {.file = -1}};
    double begin = clr_seconds();

    t.deadline = clr_watch_deadline(config->time_limit); /* reading and planning count too */
    clr_watch_signals(clr_comm_rank(comm) == 0);
    clr_status st = clr_training_open(&t);
    *result = standing(&t);
    if (st == CLR_OK && t.begin >= t.total)
        clr_info("nothing left to do: %s has its %" PRId64 " steps", config->run_dir, t.total);
    else if (st == CLR_OK)
        st = loop(&t, result);
    if (st == CLR_OK || st == CLR_STOPPED) {
        result->epochs = clr_training_epoch(&t, result->steps);
        result->chance = t.chance;
        result->checkpoint = t.unsaved
                                 ? clr_text("%s/checkpoints/latest", config->run_dir)
                                 : clr_text("%s/checkpoints/step-%08" PRId64 ".h5", config->run_dir, result->steps);
    }
    if (st == CLR_ENUMERIC && t.first && t.saver)
        clr_training_remains(&t);
    clr_watchdog_end();
    clr_training_close(&t);
    result->seconds = clr_seconds() - begin;
    return st;
}
