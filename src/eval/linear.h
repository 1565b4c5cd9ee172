/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_EVAL_LINEAR_H
#define CLR_EVAL_LINEAR_H
/* The classifier behind clr_linear_probe, open to its tests. */

#include "clr/evaluate.h"

typedef struct clr_linear {
    int dim, classes;
    float *weight;         /* (dim + 1, classes): the last row is the bias */
    float *mean, *inverse; /* (dim) each: a feature enters as (x - mean) * inverse */
} clr_linear;

/* Collective. Trained on train; freed by clr_linear_free. */
clr_status clr_linear_fit(clr_comm *comm, const clr_features *train, const clr_linear_config *config,
                          clr_linear *linear);
/* The same on `rows` rows of train, those that `of` names (NULL: the first ones); standardised by all. */
clr_status clr_linear_fit_rows(clr_comm *comm, const clr_features *train, const int64_t *of, int64_t rows,
                               const clr_linear_config *config, clr_linear *linear);
void clr_linear_free(clr_linear *linear);

/* Local. Mean and 1 / (deviation sqrt(dim)) of every feature of all rows; 0 for a feature that never moves. */
void clr_linear_standardise(const clr_features *train, clr_linear *linear);
/* Local. x (dim + 1) = the standardised row, and 1 for the bias. */
void clr_linear_standardise_row(const clr_linear *linear, const float *h, float *x);

/* Collective. */
void clr_linear_judge(clr_comm *comm, const clr_linear *linear, const clr_features *test, clr_evaluation *result);

#endif
