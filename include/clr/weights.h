/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_WEIGHTS_H
#define CLR_WEIGHTS_H
/* Weights under torchvision's names and shapes, in files that other programs read: HDF5 or safetensors, by the name's
   ending. "conv1.weight", "layer1.0.bn1.running_mean", "head.0.weight", "bn1.num_batches_tracked". Local. */
#include "clr/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { CLR_WEIGHTS_NAME = 160, CLR_WEIGHTS_RANK = 4 };

typedef struct clr_weight {
    char name[CLR_WEIGHTS_NAME];
    bool integer; /* data is one int64_t, else count floats */
    int rank;
    int64_t shape[CLR_WEIGHTS_RANK], count;
    void *data;
} clr_weight;

typedef struct clr_weights {
    clr_weight *tensor;
    int tensors;
} clr_weights;

/* Appends a tensor of zeros, and returns it; the list may move. */
clr_weight *clr_weights_add(clr_weights *weights, const char *name, bool integer, int rank, const int64_t *shape);
const clr_weight *clr_weights_find(const clr_weights *weights, const char *name); /* or NULL */
void clr_weights_free(clr_weights *weights);                                      /* accepts a zeroed one */

/* The name in files for a tensor of a state (clr/state.h): "model/encoder/conv1.weight" -> "conv1.weight",
   "model/head/0.weight" -> "head.0.weight". */
void clr_weights_name(const char *tensor, char name[CLR_WEIGHTS_NAME]);

/* CLR_EUSAGE where the name ends neither in .h5 (.hdf5) nor in .safetensors. */
clr_status clr_weights_check_name(const char *path);

/* Writes a whole file or nothing, an existing one is replaced. */
clr_status clr_weights_write(const char *path, const clr_weights *weights);

/* Fills weights, freed by clr_weights_free. CLR_EINPUT: damaged, or not such a file; CLR_ENUMERIC: NaN or infinity. */
clr_status clr_weights_read(const char *path, clr_weights *weights);

#endif
