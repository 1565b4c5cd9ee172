/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_EVAL_EVALUATION_H
#define CLR_EVAL_EVALUATION_H
/* For the classifiers of this folder. Local where not said otherwise. */
#include "clr/evaluate.h"

/* Collective. hits: of this rank, rows whose label was first and rows whose label was among the first five. */
clr_evaluation clr_evaluation_of(clr_comm *comm, int64_t hits[2], int64_t rows, int classes);

/* Collective. Accuracy on the test rows of a model that gives each class a score. */
typedef struct clr_judgement {
    const void *model;
    /* n feature rows h into scores (n, classes). */
    void (*score)(const void *model, const float *h, int64_t n, float *space, float *scores);
    int64_t space; /* floats that score needs for a row */
} clr_judgement;
void clr_judge(clr_comm *comm, const clr_judgement *judgement, const clr_features *test, clr_evaluation *result);

/* test->predicted, where it is wanted: all 0; local. Collective: the same on all ranks, each of which has filled its
   rows. Of kNN with several settings it has the first. */
void clr_predictions_begin(const clr_features *test);
void clr_predictions_share(clr_comm *comm, const clr_features *test);

/* Local. scores (classes) of one row become scale * (softmax - one-hot of label): the gradient of its cross-entropy. */
void clr_softmax_residual(float *scores, int classes, int label, float scale);

/* Minimises by batches of rows in an order drawn anew for each epoch. */
typedef struct clr_descent {
    int64_t rows, batch, epochs; /* batch: at most rows */
    uint64_t seed;               /* of the order */
    int64_t cells;
    float *gradient; /* (cells) */
    void *work;      /* for the two functions */
    /* This rank's part of the gradient of one batch: the rows order[0 .. n), of `all` on all ranks. */
    void (*differentiate)(void *work, const int *order, int64_t n, int64_t all);
    /* By the sum over ranks. remaining: of the learning rate, 1 falling to 0 on a cosine. step: counts from 0. */
    void (*update)(void *work, double remaining, int64_t step);
} clr_descent;
/* Collective. of: the rows that take part; NULL: the first ones. CLR_EINPUT where there are more than 2^31 - 1. */
clr_status clr_descend(clr_comm *comm, const clr_descent *descent, const int64_t *of);

/* Labels there, one dimension, at least two classes; else CLR_EINPUT. */
clr_status clr_features_check(const clr_features *train, const clr_features *test);

/* Local. All rows in an order in which the first `trained` are for training and the others, a tenth of each class (none
   of classes with fewer than 2 rows), for validation. Freed by clr_free. */
int64_t *clr_validation_split(const clr_features *train, uint64_t seed, int64_t *trained);

#endif
