/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_EVALUATE_H
#define CLR_EVALUATE_H
/* How good are features: a linear classifier and a kNN vote. Collective: ranks share the work, all get the result. */

#include "clr/features.h"

typedef struct clr_evaluation {
    double top1, top5; /* percent of the test rows; top5 NaN where there are 5 classes or fewer */
} clr_evaluation;

/* kNN (Wu et al. 2018): cosine similarity, the k nearest of train vote with weight exp(s / temperature). */
typedef struct clr_knn_config {
    int64_t k;
    double temperature;
} clr_knn_config;
clr_status clr_knn(clr_comm *comm, const clr_features *train, const clr_features *test, const clr_knn_config *config,
                   clr_evaluation *result);

/* Softmax regression, SGD with Nesterov momentum and cosine schedule on standardised features (train's mean and
   deviation). */
typedef struct clr_linear_config {
    int64_t epochs, batch;
    double lr, momentum, weight_decay;
    uint64_t seed;
} clr_linear_config;
clr_status clr_linear_probe(clr_comm *comm, const clr_features *train, const clr_features *test,
                            const clr_linear_config *config, clr_evaluation *result);

#endif
