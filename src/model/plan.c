/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan of the network's memory: which tensors are stored, and between which time steps each is needed. Tensors
   whose live ranges do not overlap share memory (clr_live_ranges). i counts places: -1 the stem, 0 .. blocks - 1 the
   residual blocks, blocks the head. Time runs

     forward(-1), forward(0), .., forward(blocks),
     backward(blocks), backward_first(blocks), backward(blocks - 1), backward_first(blocks - 1), .., backward_first(-1):

   backward(i) is the backward pass of place i without its first unit, backward_first(i) that of its first unit, whose
   data gradient reads the output of the block below. A run is a block with a projection and the blocks with identity
   shortcuts behind it; their gradients of outputs are worked on in one place.

     tensor                             written at        last read at
     views, where they are rounded      forward(-1)       backward_first(-1)
     y of a unit                        forward(i)        backward(i)
     ... of a first unit, stem, head    forward(i)        backward_first(i)
     out of a block                     forward(i + 1)    backward_first(i + 1)
     output of the max-pool             forward(-1)       backward_first(0)
     h                                  forward(blocks)   backward(blocks)
     dout, gradient of a block's out    backward(i + 1)   backward(i), for all blocks of a run in one place
     dmid, gradient inside a block      backward(i)       backward_first(i)
     dfirst, of the first block's input backward(0)       backward(-1)
     dstem, of what the max-pool reads  backward(-1)      backward_first(-1)
     dhead, two of the head             backward(blocks)  backward(blocks)

   Two kinds of tensors are computed a second time instead of being kept from forward to backward; they have a second
   range. With --recompute every y but the head's is one: it is kept until its last reader of the forward pass, and
   computed again when backward comes to its block. Without it, out of a block is one, unless the next block begins a
   run: it is added up again from the kept y. That costs a pass over memory and saves a third of what a bottleneck would
   store. */
#include "build.h"

static int forward(int i)
{
    return i + 1;
}
static int backward(const clr_encoder *e, int i)
{
    return e->blocks + 2 + 2 * (e->blocks - i);
}
static int backward_first(const clr_encoder *e, int i)
{
    return backward(e, i) + 1;
}

/* A stored tensor of so many elements. */
static int add(clr_encoder *e, int64_t elements, int from, int to)
{
    return clr_live_ranges_add(&e->ranges, (size_t)elements * clr_dtype_bytes(e->config.dtype), from, to);
}

/* Of floats: what belongs to the head. */
static int add_floats(clr_encoder *e, int64_t floats, int from, int to)
{
    return clr_live_ranges_add(&e->ranges, (size_t)floats * sizeof(float), from, to);
}

static clr_unit *last_unit(clr_block *block)
{
    return &block->unit[block->units - 1];
}

/* When the forward pass reads y of a unit for the last time. */
static int last_forward_read(const clr_encoder *e, int i, bool in_residual)
{
    if (in_residual && i < e->blocks - 1)
        return forward(i + 1); /* the next block's first convolution adds up this block's output */
    if (i < 0 && !e->pools)
        return forward(1); /* block 0 reads the stem, and block 1 adds it as block 0's shortcut */
    return forward(i);
}

static void plan_y(clr_encoder *e, clr_unit *unit, int i, bool first, bool in_residual)
{
    int64_t elements = clr_unit_elements(unit, e->config.views);
    int forward_end = last_forward_read(e, i, in_residual),
        backward_end = first ? backward_first(e, i) : backward(e, i);
    int (*keep)(clr_encoder *, int64_t, int, int) = i < e->blocks ? add : add_floats;
    bool computed_again = e->config.recompute && i < e->blocks && (i >= 0 || e->pools);

    if (!e->config.training) {
        unit->y_range = keep(e, elements, forward(i), forward_end);
    } else if (!computed_again) {
        unit->y_range = keep(e, elements, forward(i), backward_end);
    } else {
        int again = i >= 0 && i < e->blocks - 1 ? backward_first(e, i + 1) : backward(e, i);
        unit->y_range = add(e, elements, forward(i), forward_end);
        clr_live_ranges_add_second(&e->ranges, unit->y_range, again, backward_end);
    }
}

static void plan_units(clr_encoder *e)
{
    const clr_conv_problem *stem = &e->stem.problem;

    if (e->config.dtype != CLR_FP32)
        e->views_range = add(e, (int64_t)e->config.views * stem->h * stem->w * stem->c, forward(-1),
                             e->config.training ? backward_first(e, -1) : forward(-1));
    plan_y(e, &e->stem, -1, true, false);
    for (int i = 0; i < e->blocks; i++) {
        clr_block *block = &e->block[i];
        for (int u = 0; u < block->units; u++)
            plan_y(e, &block->unit[u], i, u == 0, u == block->units - 1);
        if (block->projects)
            plan_y(e, &block->shortcut, i, false, true);
    }
    for (int i = 0; i < e->heads; i++)
        plan_y(e, &e->head[i], e->blocks, true, false);
}

/* Outputs of blocks and of the max-pool, and h. */
static void plan_outputs(clr_encoder *e)
{
    bool training = e->config.training;
    int views = e->config.views, next_run = e->blocks; /* the first block of the run behind block i's */

    for (int i = e->blocks - 1; i >= 0; i--) {
        clr_block *block = &e->block[i];
        bool top = i == e->blocks - 1, kept = training && (e->config.recompute || next_run == e->blocks);
        int forward_end = forward(top ? i + 1 : i + 2), backward_end = top ? backward(e, i) : backward_first(e, i + 1);
        block->out_range =
            add(e, clr_unit_elements(last_unit(block), views), forward(i), kept ? backward_end : forward_end);
        if (training && !kept)
            clr_live_ranges_add_second(&e->ranges, block->out_range, backward(e, next_run), backward_end);
        next_run = block->run == i ? i : next_run;
    }
    if (e->pools)
        e->pool_range = add(e, (int64_t)views * e->pool_h * e->pool_w * e->stem.problem.k, forward(-1),
                            training ? backward_first(e, 0) : forward(1));
    e->h_range = add_floats(e, (int64_t)views * e->features, forward(e->blocks),
                            training ? backward(e, e->blocks) : forward(e->blocks));
}

/* A run's gradients share one place: the gradient of an identity shortcut is that of the output, to which the branch
   adds. */
static void plan_gradients(clr_encoder *e)
{
    int64_t widest = e->features, stem = clr_unit_elements(&e->stem, e->config.views);
    /* Where the first block has an identity shortcut, the gradient of its run becomes the stem's, in place. */
    bool first_projects = e->block[0].projects;

    for (int i = e->blocks - 1; i >= 0; i--) {
        clr_block *block = &e->block[i];
        bool top_of_run = i == e->blocks - 1 || e->block[i + 1].run != block->run;
        int64_t inside = 0;
        for (int u = 0; u < block->units - 1; u++)
            inside = clr_max64(inside, clr_unit_elements(&block->unit[u], e->config.views));
        block->dmid_range = add(e, inside, backward(e, i), backward(e, i));
        if (top_of_run)
            block->dout_range = add(e, clr_unit_elements(last_unit(block), e->config.views), backward(e, i + 1),
                                    backward(e, block->run || first_projects ? block->run : -1));
        else
            block->dout_range = block[1].dout_range;
    }
    if (e->pools)
        e->dstem_range = add(e, stem, backward(e, -1), backward(e, -1));
    int64_t input = e->pools ? (int64_t)e->config.views * e->pool_h * e->pool_w * e->stem.problem.k : stem;
    e->dfirst_range = first_projects ? add(e, input, backward(e, 0), backward(e, -1)) : e->block[0].dout_range;
    for (int i = 0; i < e->heads; i++)
        widest = clr_max64(widest, e->head[i].problem.k);
    for (int i = 0; i < 2; i++)
        e->dhead_range[i] = add_floats(e, e->config.views * widest, backward(e, e->blocks), backward(e, e->blocks));
}

size_t clr_encoder_plan(clr_encoder *e)
{
    plan_units(e);
    plan_outputs(e);
    if (e->config.training)
        plan_gradients(e);
    return clr_live_ranges_place(&e->ranges);
}
