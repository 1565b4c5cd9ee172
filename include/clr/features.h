/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_FEATURES_H
#define CLR_FEATURES_H
/* Features of a whole dataset, extracted once in inference mode and kept in memory: probes and kNN see only these,
   so they cannot touch the encoder. Collective: ranks share the images, every rank gets all rows. */

#include "clr/comm.h"
#include "clr/encoder.h"
#include "clr/store.h"
#include "clr/transformation.h"

enum { CLR_FEATURES_BATCH = 64 }; /* images at a time: what an encoder made for this must take */

typedef struct clr_features {
    int64_t rows;
    int dim;
    float *h;              /* (rows, dim), freed by clr_features_free */
    const int32_t *labels; /* the store's; NULL where there are none */
    int classes;
    int64_t *predicted; /* test data: (rows), filled by a classifier with the classes it chose; NULL: not wanted */
} clr_features;

/* What features are made from. */
typedef struct clr_features_source {
    clr_store *store;
    clr_encoder *encoder;               /* NULL: the pixels themselves, in [0, 1] */
    int size, channels;                 /* size: side of an image */
    const clr_transformed *transformed; /* NULL: images as clr_augment_evaluate cuts and resizes them */
} clr_features_source;

/* of: 'h' or 'z'. The store must outlive the features. The labels of `transformed` become theirs and must outlive them
   too. Fails where an image cannot be read, with CLR_EMEMORY where the rows do not fit, and with CLR_ENUMERIC where a
   feature is not a number. The status is agreed upon. */
clr_status clr_features_extract(clr_comm *comm, const clr_features_source *from, char of, clr_features *features);
/* The same, h and z at once. */
clr_status clr_features_extract_both(clr_comm *comm, const clr_features_source *from, clr_features *h, clr_features *z);
void clr_features_free(clr_features *features);

/* What features look like without labels, of at most 4096 rows spread over all; NaN where there are fewer than 2 rows
   or more than 8192 dimensions. Rows are scaled to unit length first. Local. */
typedef struct clr_features_figures {
    double deviation;  /* of a dimension, on average, times sqrt(dim): 1 where spread evenly, 0 where all rows agree */
    double rank;       /* effective: the participation ratio of the covariance's eigenvalues, 1 to dim */
    double uniformity; /* Wang and Isola 2020, t = 2: the lower, the more evenly over the sphere */
} clr_features_figures;
clr_features_figures clr_features_look(const clr_features *features);

#endif
