/* SPDX-License-Identifier: BSD-3-Clause */
#include "verdict.h"

#include "clr/log.h"
#include "clr/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Warns once, an epoch (but at least 100 steps) after the warm-up, where the loss has not come below chance. late:
   the second half of that time. */
static void doubt(clr_verdict *v, const clr_verdict_of *of, int64_t done, double loss)
{
    int64_t from = of->schedule->warmup, until = from + clr_max64(100, of->steps_an_epoch);

    if (done <= from || done > until || !isfinite(of->chance))
        return;
    v->least = done == from + 1 || loss < v->least ? loss : v->least;
    v->most = done == from + 1 || loss > v->most ? loss : v->most;
    v->late += done > (from + until) / 2 ? loss : 0;
    if (!of->speaks || done < until || of->begin > from)
        return;
    double late = v->late / (double)(until - (from + until) / 2);
    if (late > 1.01 * of->chance)
        clr_warn("since the warm-up the loss has been above chance (%.4f): %.4f on average of late, %.4f at best: "
                 "worse than a network that has learned "
                 "nothing, for the views of an image are less alike than those of different images; a smaller --lr or "
                 "a milder --augment may help, "
                 "unless the images are all the same",
                 of->chance, late, v->least);
    else if (v->least <= 0.99 * of->chance)
        return;
    else if (v->most <= 1.01 * of->chance)
        clr_warn("since the warm-up the loss has stayed within 1 %% of chance (%.4f, best %.4f): nothing is learned; "
                 "another --lr, --temperature or "
                 "--augment may help",
                 of->chance, v->least);
    else
        clr_warn("since the warm-up the loss has not come below chance (%.4f) by more than 1 %%: best %.4f, worst "
                 "%.4f: nothing is learned; another "
                 "--lr, --temperature or --augment may help",
                 of->chance, v->least, v->most);
}

/* Warns once where the embeddings of all images have been the same for some steps, or are so at the end. */
static void collapse(clr_verdict *v, const clr_verdict_of *of, int64_t done, const clr_objective_result *loss)
{
    enum { STEPS = 20 };

    v->alike = loss->spread < 1e-3 ? v->alike + 1 : 0;
    if (!of->speaks || v->collapsed || !(v->alike >= STEPS || (v->alike && done == of->schedule->total)))
        return;
    v->collapsed = true;
    clr_warn(
        "collapse: since step %" PRId64
        " all images have had the same embedding (their spread is %.1e of their size; contrast top-1 %.2g %%): such a "
        "network tells nothing apart; a smaller --lr or another --augment may help, unless the images are all the same",
        done - v->alike + 1, loss->spread, 100 * loss->top1);
}

void clr_verdict_step(clr_verdict *verdict, const clr_verdict_of *of, int64_t done, const clr_objective_result *loss)
{
    doubt(verdict, of, done, loss->loss);
    collapse(verdict, of, done, loss);
}

void clr_verdict_say(const clr_verdict *verdict, int64_t batch, double top1, double loss, double chance)
{
    double others = (double)(2 * batch - 1);
    char found[160];

    if (!isfinite(top1))
        return;
    snprintf(found, sizeof found,
             "the other view of an image is found among %.0f views in %.3g %% of cases (by chance %.2g %%)", others,
             100 * top1, 100 / others);
    if (verdict->collapsed)
        clr_info("verdict: nothing was learned: all images have the same embedding; try a smaller --lr or another "
                 "--augment");
    else if (top1 < 5 / others || loss > 0.99 * chance)
        clr_info("verdict: nothing was learned: %s; try more --epochs, another --lr or a milder --augment, and "
                 "--optimizer=adamw where --batch is below 1024",
                 found);
    else if (top1 < 0.5)
        clr_info(
            "verdict: it is learning: %s; more --epochs are likely to help; `simclr probe` tells what the features "
            "are worth",
            found);
    else
        clr_info("verdict: it has learned: %s; `simclr probe` tells what the features are worth", found);
}
