/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STEPPING_H
#define CLR_STEPPING_H
/* A step at work, for step.c and stepping.c. */
#include "clr/allreduce.h"
#include "clr/step.h"

struct clr_step {
    clr_comm *comm;
    clr_encoder *encoder;
    clr_objective *objective, *observer; /* of z; of h, or NULL */
    clr_optim *optim;
    clr_allreduce *reduce;
    clr_split split;
    int64_t pixels; /* floats of a view */
    int dim;
    float *z, *dz;           /* (2B, D) */
    float *x, *microbatch_z; /* one microbatch, where there are several */
    float *h;                /* (views, features) of a microbatch, for the observer */
    int32_t *labels;         /* of a microbatch's views, for the observer */
    int32_t *own_labels;     /* of this rank's views, for an objective with labels */
};

/* Collective. Encodes all microbatches: z of all views; the observer learns along. Returns how many views it classifies
   correctly. *bn_comm grows by the seconds that batch norms communicated. */
int64_t clr_step_embed(clr_step *step, const float *views, const int32_t *labels, double *bn_comm);

/* Collective. The gradients of all microbatches from step->dz. reduce: NULL leaves this rank's own sums. again: encode
   once more, because the activations were overwritten. */
void clr_step_back(clr_step *step, const float *views, bool again, clr_allreduce *reduce, double *bn_comm);

#endif
