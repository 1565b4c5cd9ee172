/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_OPTIM_OPS_H
#define CLR_OPTIM_OPS_H
/* The family of optimizers: a member is a file with `const clr_optim_op clr_optim_NAME` and a word in clr/optim.h. */

#include "clr/optim.h"

enum { CLR_OPTIM_SLOTS = 2 };

/* A run of values inside one entry. */
typedef struct clr_chunk {
    int entry;
    int64_t offset, count; /* floats in the block */
} clr_chunk;

typedef struct clr_optim_op {
    const char *name;
    int slots;
    const char *slot_name[CLR_OPTIM_SLOTS];
    void (*step)(clr_optim *optim, double lr, int64_t step);
} clr_optim_op;

struct clr_optim {
    const clr_optim_op *op;
    clr_optim_config config;
    clr_params *params;
    float *slot[CLR_OPTIM_SLOTS];
    clr_chunk *chunk; /* every entry's values cut into chunks that threads share; sums go chunk by chunk, in order */
    int64_t chunks;
    double *sum;  /* 2 a chunk */
    double *norm; /* 2 an entry */
};

#endif
