/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_OBJECTIVE_H
#define CLR_OBJECTIVE_H
/* Objectives: what is computed from a batch's features h or embeddings z and gives a gradient back, with labels or
   without. A family with one interface: the contrastive losses (clr/loss.h) and softmax cross-entropy. An objective
   that trains the network returns the gradient of its input; one that only observes it (the online probe) returns none,
   and learns its own parameters. */

#include "clr/err.h"
#include "clr/params.h"

typedef struct clr_objective clr_objective;

/* The rows of one call. */
typedef struct clr_objective_rows {
    const float *x;        /* (n, dim), of this rank */
    const int32_t *labels; /* (n); NULL for objectives without labels */
    int n;
    bool first; /* of a step: gradients of the objective's own parameters are overwritten, else added to */
} clr_objective_rows;

/* Of objectives with `whole`: means over the global batch, the same on every rank. Of others: this call's part of
   the mean, loss and right alone; the caller adds up calls and ranks. */
typedef struct clr_objective_result {
    double loss;   /* nats */
    int64_t right; /* rows whose label has the largest logit; not of contrastive losses */
    /* Contrastive: share of anchors whose positive is the most, or among the five most, similar of its candidates:
       2G - 1, or G with one_view. Negatives that are as similar as the positive, up to rounding ((D / 4 + 2) eps of
       it), come in random order, and the expected share counts: a positive beside k others is the first of them with
       probability 1 / (k + 1). So what cannot tell images apart has 1 / candidates, not 1. */
    double top1, top5;
    double entropy;            /* contrastive: mean of the softmax' entropy over an anchor's candidates, nats */
    double positive, negative; /* contrastive: mean similarity of positive pairs; of the others */
    /* contrastive: 1 - |mean of rows|^2 / mean of |row|^2 of the rows compared: 0 where all embeddings are the same. */
    double spread;
    double gather_seconds;
} clr_objective_result;

typedef struct clr_objective_op {
    const char *name;
    bool labels; /* needs labels */
    /* Couples all rows of the global batch: one call for a step, collective. Else local, any number of calls. */
    bool whole;
    clr_status (*apply)(clr_objective *objective, const clr_objective_rows *rows, float *dx,
                        clr_objective_result *result);
    void (*close)(clr_objective *objective);
} clr_objective_op;

/* What every objective begins with. */
struct clr_objective {
    const clr_objective_op *op;
    int dim; /* length of a row */
};

/* Collective where op->whole. dx: (n, dim), overwritten with the gradient of the mean loss; NULL (not with whole):
   nothing goes back. NaN or Inf in x is CLR_ENUMERIC, not agreed upon. */
static inline clr_status clr_objective_apply(clr_objective *objective, const clr_objective_rows *rows, float *dx,
                                             clr_objective_result *result)
{
    return objective->op->apply(objective, rows, dx, result);
}

static inline void clr_objective_free(clr_objective *objective) /* accepts NULL */
{
    if (objective)
        objective->op->close(objective);
}

/* Softmax cross-entropy on a linear layer of its own: logits = x W + b. W and b become the entries "NAME/weight"
   (dim, classes) and "NAME/bias" of params. LARS adapts neither, as SimCLR has it (protocol: head_supervised). */
typedef struct clr_softmax_config {
    const char *name;
    int dim, classes;
    int rows;      /* the most of one call */
    int64_t total; /* rows of the global batch, which the mean is over */
    bool observer; /* its entries have no decay and are not counted in the gradient's norm */
} clr_softmax_config;

/* Local. Before clr_params_open(params). */
clr_objective *clr_softmax_new(clr_params *params, const clr_softmax_config *config);
/* Local. Bytes that clr_softmax_new takes beside its parameters. */
int64_t clr_softmax_bytes(const clr_softmax_config *config);

#endif
