/* SPDX-License-Identifier: BSD-3-Clause */
/* Backward of the network, block by block from the last.

   dout is the gradient of a block's output out, masked by out > 0. The last unit and the shortcut compute dy, the
   gradient of their raw output, from dout; every dy lies in the place of its y. Going down, a unit's data gradient dx
   is masked by the ReLU below and summed for the batch norm below in the pass that writes it. Within a block dx goes
   to dmid; the first unit adds it to the shortcut's gradient in the dout of the block below. Where each tensor lies:
   plan.c. */
#include "build.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <string.h>

/* dx, the gradient of the activated output of below's unit: masked by its ReLU and summed for its norm, in a pass of
   its own. */
static void mask(clr_encoder *e, clr_stored *dx, clr_producer below)
{
    double begin = clr_seconds();
    const clr_conv_args args = {.dx = dx,
                                .x = below.view.x,
                                .prologue = below.view.prologue,
                                .bn_input = below.unit->y,
                                .mean = below.unit->norm.mean,
                                .moments = below.unit->norm.sums,
                                .workspace = e->space.workspace};

    clr_conv_relu_backward(below.unit->problem.dtype, &args, clr_unit_rows(below.unit, e->space.n),
                           below.unit->problem.k);
    e->times.residual += clr_seconds() - begin;
}

/* dhead[0] holds dz; returns the one of the two that holds dh in the end. */
static const clr_stored *head_backward(clr_encoder *e, bool accumulate)
{
    clr_stored *dout = e->dhead[0], *din = e->dhead[1];

    for (int i = e->heads - 1; i >= 0; i--) {
        clr_unit *unit = &e->head[i];
        clr_producer below = i ? clr_unit_producer(&e->head[i - 1]) : (clr_producer){.view = {.x = e->h}};
        if (i == e->heads - 1) /* without ReLU: sums alone */
            mask(e, dout, e->config.head_relu ? clr_unit_producer(unit) : (clr_producer){{.x = unit->y}, unit});
        clr_unit_backward_weight(unit, &e->space, dout, below.view, accumulate);
        clr_unit_backward_data(unit, &e->space, din, false, i ? &below : NULL);
        clr_stored *swap = dout;
        dout = din, din = swap;
    }
    return dout;
}

/* For the gradient of a block's output: its ReLU masks where out is 0, and the sums are for its last unit's norm. */
static clr_producer residual_producer(clr_block *block)
{
    return (clr_producer){{.x = block->out, .prologue = {.relu = true}}, clr_last_unit(block)};
}

/* block->dout holds the gradient of its output, masked, and the sums for the norm of its last unit are there. Leaves
   the same for what lies below: the block below, the stem, or the max-pool's output (there without mask and sums). */
static void block_backward(clr_encoder *e, int i, bool accumulate)
{
    clr_block *block = &e->block[i];
    clr_unit *unit = block->unit, *shortcut = block->projects ? &block->shortcut : NULL;
    clr_unit_space *space = &e->space;
    clr_stored *dout = block->dout, *dmid = block->dmid, *din = i ? block[-1].dout : e->dfirst;
    bool lowest = e->config.frozen > 0 && i == e->frozen_blocks; /* of those that are trained */

    clr_alive();
    for (int j = i && block->run == i && !e->config.recompute ? block[-1].run : i; j < i; j++)
        clr_encoder_residual(e, &e->block[j]); /* outputs of the run below, which were not kept */
    if (shortcut) {
        mask(e, dout, (clr_producer){{.x = shortcut->y}, shortcut});
        clr_unit_backward_weight(shortcut, space, dout, block->in, accumulate);
        if (!lowest)
            clr_unit_backward_data(shortcut, space, din, false, NULL);
    } /* an identity shortcut needs no pass: din is the same place as dout */
    for (int u = block->units - 1; u > 0; u--) {
        clr_producer below = clr_unit_producer(&unit[u - 1]);
        clr_unit_backward_weight(&unit[u], space, u == block->units - 1 ? dout : dmid, below.view, accumulate);
        clr_unit_backward_data(&unit[u], space, dmid, false, &below);
    }
    clr_unit_backward_weight(&unit[0], space, dmid, block->in, accumulate);
    if (lowest)
        return;
    if (i && e->config.recompute)
        clr_encoder_block(e, &block[-1], (clr_conv_residual){0}, CLR_UNIT_RECOMPUTE);
    clr_producer below = i ? residual_producer(&block[-1]) : clr_unit_producer(&e->stem);
    clr_unit_backward_data(&unit[0], space, din, true, i || !e->pools ? &below : NULL);
}

void clr_encoder_backward(clr_encoder *e, const float *dz, bool accumulate, clr_encoder_ready *ready, void *context)
{
    clr_block *highest = &e->block[e->blocks - 1];
    const clr_unit *last = clr_last_unit(highest);

    CLR_CHECK(e->config.training);
    memcpy(e->dhead[0], dz, (size_t)e->space.n * (size_t)clr_encoder_outputs(e) * sizeof *dz);
    const clr_stored *dh = head_backward(e, accumulate);
    if (ready)
        ready(context, e->frozen_blocks == e->blocks ? 0 : e->head_first);
    if (e->frozen_blocks == e->blocks)
        return;
    double begin = clr_seconds();
    clr_pool_mean_backward(e->config.dtype, dh, e->space.n, last->problem.p * last->problem.q, e->features,
                           highest->dout);
    e->times.pool += clr_seconds() - begin;
    if (e->config.recompute)
        clr_encoder_block(e, highest, (clr_conv_residual){0}, CLR_UNIT_RECOMPUTE);
    mask(e, highest->dout, residual_producer(highest));
    for (int i = e->blocks - 1; i >= e->frozen_blocks; i--) {
        block_backward(e, i, accumulate);
        if (ready)
            ready(context, e->config.frozen > 0 && i == e->frozen_blocks ? 0 : e->block[i].first);
    }
    if (e->config.frozen > 0)
        return;
    if (e->pools && e->config.recompute)
        clr_unit_forward(&e->stem, &e->space, (clr_view){.x = e->x}, CLR_UNIT_RECOMPUTE);
    if (e->pools) {
        const clr_pool pool = clr_encoder_pool(e);
        begin = clr_seconds();
        clr_pool_max_backward(&pool, e->dfirst, e->dstem, &e->stem.norm, e->space.workspace);
        e->times.pool += clr_seconds() - begin;
    }
    clr_unit_backward_weight(&e->stem, &e->space, e->pools ? e->dstem : e->dfirst, (clr_view){.x = e->x}, accumulate);
    if (ready)
        ready(context, 0);
}
