/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_EVAL_MLP_H
#define CLR_EVAL_MLP_H
/* The classifier behind clr_mlp_probe, open to its tests. */

#include "linear.h"

#include "clr/evaluate.h"
#include "clr/params.h"

/* scores = relu(x V) W, where x is a standardised row and a last 1, and the hidden layer has a last 1 too: the last
   rows of V and W are biases. */
typedef struct clr_mlp {
    int dim, hidden, classes;
    clr_params params; /* V (dim + 1, hidden), W (hidden + 1, classes) */
    clr_linear scale;  /* standardises a row; without weights */
} clr_mlp;

/* Local. With first weights drawn from the seed; freed by clr_mlp_free. */
clr_mlp clr_mlp_new(const clr_features *train, const clr_mlp_config *config);
void clr_mlp_free(clr_mlp *mlp);

/* Collective. */
clr_status clr_mlp_fit(clr_comm *comm, const clr_features *train, const clr_mlp_config *config, clr_mlp *mlp);
void clr_mlp_judge(clr_comm *comm, const clr_mlp *mlp, const clr_features *test, clr_evaluation *result);

/* Local. Working space for batches of `rows` rows, and the gradient of the sum of the cross-entropies of the rows
   order[0 .. n), divided by `all`, into params.grad. */
typedef struct clr_mlp_work {
    clr_mlp *mlp;
    const clr_features *train;
    struct clr_optim *optim;
    double lr;
    float *x, *a, *p, *d; /* (rows, dim + 1), (rows, hidden + 1), (rows, classes), (rows, hidden) */
} clr_mlp_work;
clr_mlp_work clr_mlp_work_of(clr_mlp *mlp, const clr_features *train, int64_t rows);
void clr_mlp_work_free(clr_mlp_work *work);
void clr_mlp_differentiate(void *work, const int *order, int64_t n, int64_t all);

#endif
