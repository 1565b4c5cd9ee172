/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_EVAL_REGRESSION_H
#define CLR_EVAL_REGRESSION_H
/* The objective of softmax regression, for the optimizer and its tests. */
#include "linear.h"

#include <stdbool.h>

/* The variables are V (dim + 1, classes) in double, for standardised rows: W = V of a feature times its inverse, the
   last row is the bias. The function is the one that clr_lbfgs_config states, divided by the number of rows.
   Its minimum is the same, and it is better conditioned. */
typedef struct clr_regression {
    clr_comm *comm;
    const clr_features *features;
    const int64_t *rows; /* the n rows to use, the same on every rank */
    int64_t n;
    clr_linear linear; /* mean and inverse; weight is V as float */
    double l2;
    int threads;
    float *x, *p, *part;      /* a block of rows, its residuals, gradients of blocks; one of each a thread */
    float *panels, *p_panels; /* V, and residuals of a block a thread, arranged for products */
    double *sums;             /* threads * (cells + 1) */
} clr_regression;

/* Local. Rows and the standardisation, which is of all rows of the features. Freed by clr_regression_free. */
void clr_regression_open(clr_comm *comm, const clr_features *features, clr_regression *r);
void clr_regression_free(clr_regression *r);

/* Collective. The function's value; gradient (dim + 1, classes) is overwritten. The same bits on every rank. */
double clr_regression_value(clr_regression *r, const double *v, double *gradient);

/* Collective. Top-1, percent, of the rows set, with V. */
double clr_regression_accuracy(clr_regression *r, const double *v);

#endif
