/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STATE_H
#define CLR_STATE_H
/* What a run consists of between two steps, as a list of named tensors: weights, running statistics, the optimizer's
   slots. File formats, and the copy in memory that is written behind the training, see nothing else. Names and shapes
   are torchvision's; none depends on the number of ranks. Local.

     model/<entry>                             float32, of weights and running statistics
     model/<batch norm>.num_batches_tracked    int64, a number
     optimizer/<optimizer>/<slot>/<entry>      float32, of weights */
#include "clr/err.h"
#include "clr/optim.h"
#include "clr/params.h"

enum { CLR_STATE_NAME = 160 };

typedef struct clr_tensor {
    char name[CLR_STATE_NAME];
    int rank;
    int64_t shape[4], count; /* of the file; elements */
    const clr_entry *entry;  /* of float32: the layout of data, see clr_entry_to_file; NULL: int64 */
    void *data;              /* count float or int64_t */
} clr_tensor;

typedef struct clr_state {
    clr_tensor *tensor;
    int tensors;
    const char *optimizer; /* NULL: without an optimizer's slots */
    int64_t largest;       /* the most elements of a float32 tensor: what conversion to a file's layout needs */
    char *own;             /* memory of its own, or NULL */
} clr_state;

/* The tensors of params and optim (NULL: without slots), nothing copied: params and optim must outlive it. */
clr_state clr_state_of(clr_params *params, clr_optim *optim);
/* The same tensors in memory of its own, zeroed; names and layouts still belong to the model's params. */
clr_state clr_state_like(const clr_state *state);
/* All values; both are of the same list. */
void clr_state_copy(clr_state *to, const clr_state *from);
void clr_state_free(clr_state *state); /* accepts a zeroed one */

/* The tensor of a name, or NULL. */
const clr_tensor *clr_state_find(const clr_state *state, const char *name);

/* float32 tensors: between data and a file's layout, count floats each. */
void clr_tensor_to_file(const clr_tensor *tensor, float *file);
void clr_tensor_from_file(const clr_tensor *tensor, const float *file);

/* CLR_ENUMERIC where one of the floats is NaN or infinite: names the tensor, the element and its value. */
clr_status clr_tensor_check(const clr_tensor *tensor);
clr_status clr_state_check(const clr_state *state);

#endif
