/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_VERDICT_H
#define CLR_VERDICT_H
/* Warnings where a contrastive run does not learn. Local. */
#include "clr/objective.h"
#include "clr/optim.h"

typedef struct clr_verdict {
    double least, most, late; /* loss since the warm-up; late: sum over the second half of the time that counts */
    int64_t alike;            /* steps for which all embeddings have been the same */
    bool collapsed;           /* that is said */
} clr_verdict;

/* What a verdict is given by. */
typedef struct clr_verdict_of {
    const clr_schedule *schedule;
    int64_t begin, steps_an_epoch; /* the step that this start began with */
    double chance;                 /* NaN: the loss has none */
    bool speaks;                   /* rank 0 */
} clr_verdict_of;

/* Local; rank 0, at the end. One sentence: whether the network has learned, and what to change. top1: share of views
   whose other view is the most similar of the batch. loss, chance: NaN where not known. */
void clr_verdict_say(const clr_verdict *verdict, int64_t batch, double top1, double loss, double chance);

/* After step `done`. */
void clr_verdict_step(clr_verdict *verdict, const clr_verdict_of *of, int64_t done, const clr_objective_result *loss);

#endif
