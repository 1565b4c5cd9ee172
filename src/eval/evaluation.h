/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_EVAL_EVALUATION_H
#define CLR_EVAL_EVALUATION_H
/* For the classifiers of this folder. Local where not said otherwise. */
#include "clr/evaluate.h"

/* Collective. hits: of this rank, rows whose label was first and rows whose label was among the first five. */
clr_evaluation clr_evaluation_of(clr_comm *comm, int64_t hits[2], int64_t rows, int classes);

/* test->predicted, where it is wanted: all 0; local. Collective: the same on all ranks, each of which has filled its
   rows. Of kNN with several settings it has the first. */
void clr_predictions_begin(const clr_features *test);
void clr_predictions_share(clr_comm *comm, const clr_features *test);

/* Labels there, one dimension, at least two classes; else CLR_EINPUT. */
clr_status clr_features_check(const clr_features *train, const clr_features *test);

/* Local. All rows in an order in which the first `trained` are for training and the others, a tenth of each class (none
   of classes with fewer than 2 rows), for validation. Freed by clr_free. */
int64_t *clr_validation_split(const clr_features *train, uint64_t seed, int64_t *trained);

#endif
