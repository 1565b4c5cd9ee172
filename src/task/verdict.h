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

/* After step `done`. */
void clr_verdict_step(clr_verdict *verdict, const clr_verdict_of *of, int64_t done, const clr_objective_result *loss);

#endif
