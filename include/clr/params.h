/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PARAMS_H
#define CLR_PARAMS_H
/* All parameters are one block of floats, all gradients another, all batch norm running statistics a third, each cut
   by one table. The tables alone drive initialisation, LARS' exemptions, reduction buckets and checkpoint names.
   Entries stand in forward order, so backward completes gradients from the end of the block to its start. Local. */

#include "clr/rng.h"
#include "clr/tensor.h"

#include <stdbool.h>

typedef enum clr_role {
    CLR_ROLE_CONV,   /* (R, S, C, K) here, (K, C, R, S) in files */
    CLR_ROLE_LINEAR, /* (C, K) here, (K, C) in files */
    CLR_ROLE_VECTOR, /* gamma, beta, bias, running_mean, running_var: (K) */
} clr_role;

typedef struct clr_entry {
    char name[72]; /* below /model: "encoder/layer1.0.conv1.weight", "head/0.weight" */
    clr_role role;
    int r, s, c, k;        /* 1 where there is no such dimension */
    int64_t offset, count; /* floats in the block; offsets are multiples of 16 */
    bool no_decay;         /* without weight decay: batch norm and biases */
    bool no_adaptation;    /* LARS: trust ratio 1; as a rule the same entries */
    bool not_in_norm;      /* not counted in the gradient's norm: an observer's, not the network's */
    bool frozen;           /* not trained: no optimizer changes it, and it is not counted in the gradient's norm */
    double initial;        /* VECTOR: the value it starts with; CONV, LINEAR: standard deviation (see truncated) */
    bool truncated;        /* drawn from a normal cut at two deviations, else from a plain normal */
} clr_entry;

enum { CLR_STEP_FLAGS = 16 };

typedef struct clr_table {
    clr_entry *entry;
    int entries;
    int64_t floats; /* of the block, padding included */
} clr_table;

typedef struct clr_params {
    clr_table weights, states; /* states: "<bn>.running_mean", "<bn>.running_var" */
    float *value,
        *grad;       /* of weights; behind the gradients stand CLR_STEP_FLAGS floats that a step sums along with them */
    float *state;    /* of states */
    int64_t batches; /* how often running statistics were updated: "num_batches_tracked" */
} clr_params;

/* Adds an entry and returns its place; the blocks do not exist until clr_params_open. */
int clr_table_add(clr_table *table, const clr_entry *entry);
void clr_params_open(clr_params *params);
void clr_params_close(clr_params *params);

/* Every value a pure function of (seed, entry's name): architecture changes elsewhere do not move it. */
void clr_params_init(clr_params *params, uint64_t seed);

/* Local. Where an entry of weights (states) begins in its block. */
static inline float *clr_params_value(const clr_params *params, int entry)
{
    return params->value + params->weights.entry[entry].offset;
}

/* The same, of gradients. */
static inline float *clr_params_grad(const clr_params *params, int entry)
{
    return params->grad + params->weights.entry[entry].offset;
}

/* The same, of running statistics. */
static inline float *clr_params_state(const clr_params *params, int entry)
{
    return params->state + params->states.entry[entry].offset;
}

/* Between the layout here and that of files, both count floats. shape receives the file's 1, 2 or 4 dimensions;
   returns how many. */
int clr_entry_shape(const clr_entry *entry, int64_t *shape);
void clr_entry_to_file(const clr_entry *entry, const float *here, float *file);
void clr_entry_from_file(const clr_entry *entry, const float *file, float *here);

#endif
