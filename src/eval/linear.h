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
void clr_linear_free(clr_linear *linear);

/* Collective. */
void clr_linear_judge(clr_comm *comm, const clr_linear *linear, const clr_features *test, clr_evaluation *result);

/* How many classes have a larger score than label, or the same score and a lower number. */
int clr_rank_of(const float *scores, int classes, int label);

/* hits: rows whose label was first, rows whose label was among the first five; sums over the ranks. */
clr_evaluation clr_evaluation_of(clr_comm *comm, int64_t hits[2], int64_t rows, int classes);

/* Labels there, one dimension, at least two classes; else CLR_EINPUT. */
clr_status clr_features_check(const clr_features *train, const clr_features *test);

#endif
