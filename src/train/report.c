/* SPDX-License-Identifier: BSD-3-Clause */
/* What people see of a run: the start-up report, a line of progress, a row of metrics.tsv, and a warning where
   nothing is learned. */
#include "training.h"

#include "clr/h5.h"
#include "clr/isa.h"
#include "clr/log.h"

#include <inttypes.h>
#include <math.h>

static const char *s(int64_t n)
{
    return n == 1 ? "" : "s";
}

void clr_report_start(const clr_training *t)
{
    const clr_config *c = t->config;
    const clr_schedule *schedule = &t->schedule;
    int ranks = clr_comm_size(t->comm), nodes = clr_comm_nodes(t->comm);
    int64_t microbatches = clr_step_microbatches(c->batch, c->microbatch);

    clr_info("simclr %s (%s, %s): %d rank%s on %d node%s, %d thread%s each, %s kernels", PACKAGE_VERSION,
             clr_comm_library(), clr_h5_library(), ranks, s(ranks), nodes, s(nodes), t->threads, s(t->threads),
             clr_isa_name(clr_isa_current()));
    clr_info("%s: %" PRId64 " images; global batch %" PRId64 " images = %" PRId64
             " views, %d images for a rank; %" PRId64 " step%s an epoch"
             " (%" PRId64 " images left out of each), %" PRId64 " step%s = %.4g epochs in all",
             c->data, t->data->images, c->batch, CLR_VIEWS * c->batch, clr_training_share(t), t->per_epoch,
             s(t->per_epoch), t->data->images % c->batch, t->total, s(t->total), clr_training_epoch(t, t->total));
    if (microbatches > 1)
        clr_info("%" PRId64 " microbatches of at most %" PRId64
                 " images over all ranks: the loss sees the whole batch, batch norm one microbatch",
                 microbatches, (c->batch + microbatches - 1) / microbatches);
    clr_info("learning rate: --lr=%g is %g at its peak, after %" PRId64
             " step%s of warm-up, then falls to 0 as a cosine",
             c->lr, schedule->peak, schedule->warmup, s(schedule->warmup));
    if (t->first && schedule->warmup >= t->total)
        clr_warn(
            "the warm-up of %" PRId64
            " steps is as long as the run: the learning rate never gets beyond %.3g; give a smaller --warmup-epochs",
            schedule->warmup, clr_schedule_at(schedule, t->total - 1));
    if (isfinite(t->chance))
        clr_info("a network that has learned nothing has a loss of %.4f", t->chance);
}

static void progress(clr_training *t, int64_t done, const clr_step_result *result, double lr)
{
    double now = clr_seconds(), since = now - t->spoke;
    bool due = clr_log_rewrites() ? since >= 0.5 : done % t->config->log_every == 0 || since >= 60;
    char left[32], chance[32] = "", online[32] = "";

    if (!t->first || !(due || done == t->total || done == t->begin + 1))
        return;
    double seconds = (now - t->began) / (double)(done - t->begin) * (double)(t->total - done);
    if (seconds >= 3600)
        snprintf(left, sizeof left, "%.0f h %02.0f min", floor(seconds / 3600), floor(fmod(seconds, 3600) / 60));
    else
        snprintf(left, sizeof left, "%.0f:%02.0f min", floor(seconds / 60), floor(fmod(seconds, 60)));
    if (isfinite(t->chance))
        snprintf(chance, sizeof chance, " (chance %.4f)", t->chance);
    if (isfinite(result->online_top1))
        snprintf(online, sizeof online, "  probe %.1f %%", 100 * result->online_top1);
    clr_progress("step %" PRId64 "/%" PRId64
                 "  left %s  epoch %.2f  loss %.4f%s  contrast %.1f %%%s  %.4g views/s  lr %.3g",
                 done, t->total, left, clr_training_epoch(t, done), result->loss.loss, chance, 100 * result->loss.top1,
                 online, (double)(CLR_VIEWS * t->config->batch * (done - t->spoke_step)) / since,
                 lr); /* where the line is too long, its end goes */
    t->spoke = now;
    t->spoke_step = done;
}

/* Said once, an epoch (but 100 steps at least) after the warm-up, where the loss has not come below chance. late:
   the second half of that. */
static void doubt(clr_training *t, int64_t done, double loss)
{
    int64_t from = t->schedule.warmup, until = from + clr_max64(100, t->per_epoch);

    if (done <= from || done > until || !isfinite(t->chance))
        return;
    t->least = done == from + 1 || loss < t->least ? loss : t->least;
    t->most = done == from + 1 || loss > t->most ? loss : t->most;
    t->late += done > (from + until) / 2 ? loss : 0;
    if (!t->first || done < until || t->begin > from)
        return;
    double late = t->late / (double)(until - (from + until) / 2);
    if (late > 1.01 * t->chance)
        clr_warn("since the warm-up the loss has been above chance (%.4f): %.4f on average of late, %.4f at best: "
                 "worse than a network that has learned "
                 "nothing, for the views of an image are less alike than those of different images; a smaller --lr or "
                 "a milder --augment may help, "
                 "unless the images are all the same",
                 t->chance, late, t->least);
    else if (t->least <= 0.99 * t->chance)
        return;
    else if (t->most <= 1.01 * t->chance)
        clr_warn("since the warm-up the loss has stayed within 1 %% of chance (%.4f, best %.4f): nothing is learned; "
                 "another --lr, --temperature or "
                 "--augment may help",
                 t->chance, t->least);
    else
        clr_warn("since the warm-up the loss has not come below chance (%.4f) by more than 1 %%: best %.4f, worst "
                 "%.4f: nothing is learned; another "
                 "--lr, --temperature or --augment may help",
                 t->chance, t->least, t->most);
}

/* Said once, where the embeddings of all images have been the same for some steps, or are at the end. */
static void collapse(clr_training *t, int64_t done, const clr_objective_result *loss)
{
    enum { STEPS = 20 };

    t->alike = loss->spread < 1e-3 ? t->alike + 1 : 0;
    if (!t->first || t->collapsed || !(t->alike >= STEPS || (t->alike && done == t->total)))
        return;
    t->collapsed = true;
    clr_warn(
        "collapse: since step %" PRId64
        " all images have had the same embedding (their spread is %.1e of their size; contrast top-1 %.2g %%): such a "
        "network tells nothing apart; a smaller --lr or another --augment may help, unless the images are all the same",
        done - t->alike + 1, loss->spread, 100 * loss->top1);
}

clr_status clr_report_step(clr_training *t, int64_t done, const clr_step_result *result, const clr_batch *batch,
                           double lr, double seconds)
{
    const clr_objective_result *loss = &result->loss;
    const clr_metrics_row row = {.step = (double)done,
                                 .epoch = clr_training_epoch(t, done),
                                 .loss = loss->loss,
                                 .chance = t->chance,
                                 .contrast_top1 = loss->top1,
                                 .contrast_top5 = loss->top5,
                                 .entropy = loss->entropy,
                                 .lr = lr,
                                 .grad_norm = result->grad_norm,
                                 .images_per_s = (double)t->config->batch / seconds,
                                 .data_s = batch->data_seconds,
                                 .augment_s = batch->augment_seconds,
                                 .forward_s = result->forward,
                                 .gather_s = result->gather,
                                 .loss_s = result->loss_seconds,
                                 .backward_s = result->backward,
                                 .reduce_s = result->reduce,
                                 .update_s = result->update,
                                 .exposed_s = result->exposed,
                                 .bn_comm_s = result->bn_comm,
                                 .positive = loss->positive,
                                 .negative = loss->negative,
                                 .online_top1 = result->online_top1};

    doubt(t, done, loss->loss);
    collapse(t, done, loss);
    progress(t, done, result, lr);
    return t->first ? clr_metrics_add(&t->metrics, &row) : CLR_OK;
}
