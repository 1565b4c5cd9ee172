/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LOADER_H
#define CLR_LOADER_H
/* Augmented views, one batch ahead of the training. A reader thread reads the next step's images from the store. The
   views of a batch are made sample by sample: whoever is free claims the next sample from one atomic counter. A
   background thread of low priority claims samples while the network is computed; when the training thread asks for
   the batch, all OpenMP threads claim the rest. So no core idles, and the background thread takes no core from the
   network. Local: ranks do not communicate. */

#include "clr/augment.h"
#include "clr/sampler.h"
#include "clr/store.h"

typedef struct clr_loader clr_loader;

typedef struct clr_loader_config {
    clr_sampler sampler;
    int64_t first;          /* this rank's share of each global batch: samples first .. first + count - 1 */
    int count;              /* B */
    int channels, size;     /* of a view */
    clr_augment augment[2]; /* of the first and the second view */
    int views;              /* of an image: 1 or 2 */
    const int64_t *subset;  /* NULL: all images; else the sampler.images ids of those to use, the caller's */
    int64_t last_step;      /* one past the last step that will be asked for */
} clr_loader_config;

/* Bytes that clr_loader_open takes. */
int64_t clr_loader_bytes(const clr_store *store, const clr_loader_config *config);
/* About what it would take if the images had been packed with their shorter side at most shorter, the longer one
   twice that. */
int64_t clr_loader_bytes_resized(const clr_store *store, const clr_loader_config *config, int shorter);

/* The store stays the caller's and must outlive the loader. */
clr_status clr_loader_open(clr_store *store, const clr_loader_config *config, clr_loader **loader);
void clr_loader_close(clr_loader *loader); /* accepts NULL; ends its threads */

typedef struct clr_batch {
    const float *views;     /* (views * B, size, size, channels), view-major; valid until the next call */
    const int64_t *ids;     /* B sample numbers */
    double data_seconds;    /* waited for reading */
    double augment_seconds; /* spent or waited for augmenting */
} clr_batch;

/* The views of step. Steps that follow each other are ready ahead; any other order works too. */
clr_status clr_loader_next(clr_loader *loader, int64_t step, clr_batch *batch);

#endif
