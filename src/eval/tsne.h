/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_TSNE_H
#define CLR_TSNE_H
/* t-SNE at work. With p the joint probabilities of neighbours, q' = 1 / (1 + |yi - yj|^2), Z the sum of all q':

     dKL/dyi = 4 sum_j p_ij q'_ij (yi - yj) - 4 / Z sum_j q'_ij^2 (yi - yj)

   The first sum runs over the neighbours of i or that i is a neighbour of, the second over all. Local. */
#include "clr/projection.h"

#include <stddef.h>

/* Sparse and symmetric: row i is entry[begin[i]] to entry[begin[i + 1] - 1], ordered by j. */
typedef struct clr_tsne_pair {
    int32_t j;
    float p;
} clr_tsne_pair;

typedef struct clr_tsne_pairs {
    int64_t rows, *begin;
    clr_tsne_pair *entry;
} clr_tsne_pairs;

/* affinity.c. The p of rows: Gaussian of their nearest 3 * perplexity neighbours, of a width that gives this
   perplexity; freed by clr_tsne_pairs_free. */
void clr_tsne_pairs_of(const float *x, int64_t rows, int dim, double perplexity, clr_tsne_pairs *pairs);
void clr_tsne_pairs_free(clr_tsne_pairs *pairs);

/* y (2, stride): all x, then all y, stride >= rows a multiple of CLR_TSNE_PAD, what is behind rows far away. gradient
   (rows, 2). exaggeration times p. Returns Z. work (3, stride). */
enum { CLR_TSNE_PAD = 16 };
double clr_tsne_gradient(const clr_tsne_pairs *pairs, const float *y, int64_t stride, double exaggeration, float *work,
                         double *gradient);

/* repulsion_kernel.c. For i in [from, to): out[i], out[stride + i] = sum_j q'^2 (yi - yj), out[2 * stride + i] =
   sum_j q', with j = i. */
typedef void clr_repulsion(const float *y, int64_t stride, int64_t from, int64_t to, float *out);

#endif
