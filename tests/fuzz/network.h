#ifndef SIMCLR_FUZZ_NETWORK_H
#define SIMCLR_FUZZ_NETWORK_H
/* A network in small, and an optimizer with one slot: what checkpoints are read into. */
#include "clr/ckpt.h"

#include <stdio.h>

static clr_params params;
static clr_optim *optim;

static inline void add_entry(clr_table *table, const char *name, clr_role role, int r, int c, int k)
{
    clr_entry entry = {.role = role, .r = r, .s = r, .c = c, .k = k, .initial = 0.5};

    snprintf(entry.name, sizeof entry.name, "%s", name);
    clr_table_add(table, &entry);
}

static inline void open_network(void)
{
    clr_optim_config config = {.kind = 0, .momentum = 0.9, .weight_decay = 1e-6};

    if (optim)
        return;
    add_entry(&params.weights, "encoder/conv1.weight", CLR_ROLE_CONV, 3, 1, 2);
    add_entry(&params.weights, "encoder/bn1.weight", CLR_ROLE_VECTOR, 1, 1, 2);
    add_entry(&params.weights, "head/0.weight", CLR_ROLE_LINEAR, 1, 2, 3);
    add_entry(&params.states, "encoder/bn1.running_mean", CLR_ROLE_VECTOR, 1, 1, 2);
    add_entry(&params.states, "encoder/bn1.running_var", CLR_ROLE_VECTOR, 1, 1, 2);
    clr_params_open(&params);
    optim = clr_optim_new(&config, &params);
}

#endif
