/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_EVAL_EVALUATION_H
#define CLR_EVAL_EVALUATION_H
/* For the classifiers of this folder. Local where not said otherwise. */
#include "clr/evaluate.h"

/* Collective. hits: of this rank, rows whose label was first and rows whose label was among the first five. */
clr_evaluation clr_evaluation_of(clr_comm *comm, int64_t hits[2], int64_t rows, int classes);

/* Labels there, one dimension, at least two classes; else CLR_EINPUT. */
clr_status clr_features_check(const clr_features *train, const clr_features *test);

#endif
