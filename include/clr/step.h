/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STEP_H
#define CLR_STEP_H
/* One training step, top to bottom: views -> encoder -> z -> gather -> loss -> backward, gradients reduced on the
   way -> update. Collective. */

#include "clr/comm.h"
#include "clr/encoder.h"
#include "clr/objective.h"
#include "clr/optim.h"
#include "clr/split.h"

typedef struct clr_step clr_step;

enum { CLR_STEP_NONFINITE = 4 };

typedef struct clr_step_result {
    clr_objective_result loss;
    double grad_norm;
    double online_top1; /* of the observer, over the global batch's views as augmented; NaN without one */
    double forward, gather, loss_seconds, backward, reduce, exposed, update,
        bn_comm;       /* seconds; exposed: waited for at the end */
    unsigned requests; /* bit i: some rank requested it */
    /* After CLR_ENUMERIC: whether it arose on this rank (on one rank at least), whose clr_message() then says where;
       and the first of its images whose embeddings are not finite, by their place in this rank's share. */
    bool nonfinite_here;
    int nonfinite_images, nonfinite_image[CLR_STEP_NONFINITE];
} clr_step_result;

/* Memory that a step takes beside its parts. pixels: floats of a view; dim: of z; features: of h where there is an
   observer, else 0. */
int64_t clr_step_bytes(const clr_split *split, int64_t pixels, int dim, int features);

/* What a step works with; all stay the caller's. */
typedef struct clr_step_parts {
    clr_encoder *encoder;     /* for split.views * split.most views at a time */
    clr_objective *objective; /* of z: trains the network */
    clr_objective *observer;  /* of h: learns along and returns no gradient to the network; NULL: none */
    clr_optim *optim;
    clr_dtype wire; /* the type in which gradients are sent */
} clr_step_parts;

/* pixels: floats of a view. */
clr_status clr_step_new(clr_comm *comm, const clr_step_parts *parts, const clr_split *split, int64_t pixels,
                        clr_step **step);
void clr_step_free(clr_step *step); /* accepts NULL */

/* views: (2B, size, size, channels), view-major. labels: of the B images, for objectives with labels; else unused.
   requests: bits, this rank's (to stop, ...), folded into the reduction that every step makes. NaN or Inf in loss or
   gradient: CLR_ENUMERIC on every rank, nothing updated. */
clr_status clr_step_run(clr_step *step, const float *views, const int32_t *labels, double lr, int64_t number,
                        unsigned requests, clr_step_result *result);

#endif
