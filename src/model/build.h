/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_BUILD_H
#define CLR_BUILD_H
/* The network as built, shared by build.c (what there is), plan.c (where it lies), encoder.c (its memory), forward.c
   and backward.c (what it does). */
#include "unit.h"

enum { CLR_BLOCK_UNITS = 3, CLR_HEAD_UNITS = 8 };

typedef struct clr_block {
    clr_unit unit[CLR_BLOCK_UNITS], shortcut;
    int units;
    bool projects; /* has a shortcut unit; else the identity */
    int64_t first; /* offset of its first parameter */
    int run;       /* the first block of its run: a projecting block and the identities behind it */
    int out_range, dout_range, dmid_range; /* see plan.c */
    clr_stored *out;                       /* relu(last unit + shortcut) */
    clr_stored *dout;                      /* gradient of out, masked by out > 0; one place for a run */
    clr_stored *dmid;                      /* gradient of the activations between the block's units */
    clr_view in;                           /* of the latest forward */
} clr_block;

struct clr_encoder {
    clr_comm *comm;
    clr_encoder_config config;
    clr_params *params; /* the caller's */
    clr_unit stem;
    bool pools;
    int pool_h, pool_w;
    int views_range, pool_range, dfirst_range, dstem_range, h_range, dhead_range[2];
    clr_stored *pool;   /* ImageNet stem: its max-pool's output */
    clr_stored *dfirst; /* gradient of the first block's input */
    clr_stored *dstem;  /* ImageNet stem: gradient of what the max-pool reads */
    clr_block *block;
    int blocks, features;
    int frozen_blocks;  /* the first so many are not trained */
    bool adding_frozen; /* while it is built: of the units that are being added */
    clr_unit head[CLR_HEAD_UNITS];
    int heads, shown; /* layers of the head; those that a pass computes */
    int64_t head_first;
    size_t at_workspace, at_ranges;
    clr_live_ranges ranges;    /* of every stored tensor and gradient, until they are placed */
    clr_stored *dhead[2];      /* gradients between the head's units, in turn */
    float *h;                  /* (views, features) */
    clr_stored *views;         /* with bf16: the views, rounded; else NULL */
    const clr_stored *x;       /* of the latest forward */
    clr_arena memory, scratch; /* norms, stored tensors and gradients; workspace */
    clr_unit_space space;
    clr_encoder_times times;
    double flops;
};

/* Collective (planner). Everything but the memory itself. */
clr_status clr_encoder_build(clr_comm *comm, clr_planner *planner, const clr_encoder_config *config, clr_params *params,
                             clr_encoder *encoder);

/* plan.c. Local. Fills ranges with every stored tensor and gradient; returns the bytes of all together. */
size_t clr_encoder_plan(clr_encoder *encoder);

/* Local. A block's last unit, whose raw output its shortcut is added to. */
static inline clr_unit *clr_last_unit(clr_block *block)
{
    return &block->unit[block->units - 1];
}

/* forward.c. Collective where batch norm is global. The units of a block, its shortcut's too. residual: what block->in
   is still to be added up from; its y is NULL where block->in is there already. */
void clr_encoder_block(clr_encoder *e, clr_block *block, clr_conv_residual residual, clr_unit_mode mode);

/* forward.c. Local. The block's output from its last unit and its shortcut, in a pass of its own. */
void clr_encoder_residual(clr_encoder *e, clr_block *block);

/* forward.c. Local. What the max-pool of the ImageNet stem reads. */
clr_pool clr_encoder_pool(const clr_encoder *e);

#endif
