/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_EVALUATE_H
#define CLR_EVALUATE_H
/* How good are features: a linear classifier and a kNN vote. Collective: ranks share the work, all get the result. */

#include "clr/features.h"

typedef struct clr_evaluation {
    double top1, top5; /* percent of the test rows; top5 NaN where there are 5 classes or fewer */
} clr_evaluation;

/* Local. The number of classes with a larger score than label, or with the same score and a lower number. */
int clr_rank_of(const float *scores, int classes, int label);

/* Local. The class with the largest score, the lowest of several: the one whose rank is 0. */
int clr_best_of(const float *scores, int classes);

/* Local. "71.23", or "-" where the accuracy is not known. */
const char *clr_percent(double accuracy, char text[16]);

/* kNN (Wu et al. 2018): cosine similarity, the k nearest of train vote with weight exp(s / temperature). Neighbours are
   looked for once for n settings; result: n. */
typedef struct clr_knn_config {
    int64_t k;
    double temperature;
} clr_knn_config;
clr_status clr_knn(clr_comm *comm, const clr_features *train, const clr_features *test, const clr_knn_config *config,
                   int n, clr_evaluation *result);

/* Learning rates to choose from. */
enum { CLR_RATES = 16 };
typedef struct clr_rates {
    int n;
    double rate[CLR_RATES];
} clr_rates;

/* Softmax regression, SGD with Nesterov momentum and cosine schedule on standardised features (train's mean and
   deviation). rates: of several, the one that does best on a tenth of each class, which the others are trained without;
   then all training rows are used. */
typedef struct clr_linear_config {
    int64_t epochs, batch;
    double lr, momentum, weight_decay;
    uint64_t seed;
    bool as_they_are; /* features are not standardised */
    clr_rates rates;  /* n 0: lr */
} clr_linear_config;
typedef struct clr_linear_result {
    clr_evaluation test;
    double lr, validation; /* that was used; top-1 on the validation split, percent, NaN without */
} clr_linear_result;
clr_status clr_linear_probe(clr_comm *comm, const clr_features *train, const clr_features *test,
                            const clr_linear_config *config, clr_linear_result *result);

/* A perceptron with one hidden layer of ReLUs on standardised features (mean 0, deviation 1): Adam, the learning rate
   falling to 0 on a cosine. hidden 0: as many as there are features. */
typedef struct clr_mlp_config {
    int64_t epochs, batch, hidden;
    double lr;
    uint64_t seed; /* of its first weights and of the order of its batches */
} clr_mlp_config;
clr_status clr_mlp_probe(clr_comm *comm, const clr_features *train, const clr_features *test,
                         const clr_mlp_config *config, clr_evaluation *result);

/* Local. The paper's recipe (B.6): features as they are, Nesterov momentum 0.9, learning rate 0.1 for 256 images,
   batches of 4096 (of a tenth of the images where there are fewer), 90 epochs, no regularisation. */
clr_linear_config clr_linear_paper(int64_t images, uint64_t seed);

/* Softmax regression at its optimum (L-BFGS): with x a feature row and W, b the classifier, the minimum of

     sum over rows of -log softmax(x W + b)[label] + l2 / 2 |W|^2        (b is not penalised).

   l2 is the best of `strengths` log-spaced values from least to most on a validation split of the training rows, a
   tenth of each class; then all training rows are used. Ties go to the larger l2. */
typedef struct clr_lbfgs_config {
    double least, most;
    int64_t strengths, iterations; /* iterations: the most for one l2 */
    uint64_t seed;                 /* of the validation split */
} clr_lbfgs_config;
typedef struct clr_lbfgs_result {
    clr_evaluation test;
    double l2, validation; /* the l2 chosen, and its top-1 on the validation split, percent */
    double loss;           /* the minimum on all training rows, divided by their number */
} clr_lbfgs_result;
/* CLR_EUSAGE where simclr was built without libLBFGS. */
clr_status clr_lbfgs_probe(clr_comm *comm, const clr_features *train, const clr_features *test,
                           const clr_lbfgs_config *config, clr_lbfgs_result *result);

#endif
