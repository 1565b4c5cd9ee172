/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PROJECTION_H
#define CLR_PROJECTION_H
/* Maps of feature rows to the plane. Local; work is split over threads by rows, whose number changes no bit. */
#include "clr/err.h"

#include <stdint.h>

/* Principal components: out (rows, k) are the rows, less their mean, along the k <= dim directions of largest variance,
   each signed so that its largest coefficient is positive. share (k): of the variance, or NULL. CLR_EMEMORY. */
clr_status clr_pca(const float *x, int64_t rows, int dim, int k, float *out, double *share);

/* t-SNE (van der Maaten, Hinton 2008). */
typedef struct clr_tsne_config {
    double perplexity; /* at most a third of rows - 1 is used */
    int64_t iterations;
} clr_tsne_config;

/* out (rows, 2): the map of x (rows, dim), begun from its first two columns, which should be its principal components.
   *divergence: KL of the map, nats. At least 4 rows. CLR_EMEMORY. */
clr_status clr_tsne(const float *x, int64_t rows, int dim, const clr_tsne_config *config, float *out,
                    double *divergence);

#endif
