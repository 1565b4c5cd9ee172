/* SPDX-License-Identifier: BSD-3-Clause */
/* Forward and backward of the network.

   A block is out = relu(u_m(... u_1(in)) + s(in)), u_i units, s the identity or a unit. The next block's u_1 computes
   out, since it reads it first.

   Backward, with dout the gradient of out masked by out > 0. The last unit and the shortcut compute dy, the gradient of
   their raw output, from dout; every dy lies in the place of its y. Going down, a unit's data gradient dx is masked by
   the ReLU below and summed for the batch norm below in the pass that writes it. Within a block dx goes to dmid; the
   first unit adds it to the shortcut's gradient in the dout of the block below. Where each tensor lies: plan.c. */
#include "build.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <string.h>

static clr_stored *placed(const clr_encoder *e, int range)
{
    return clr_arena_at(&e->memory, e->at_ranges + e->ranges.range[range].offset);
}

static void open_unit(clr_encoder *e, clr_unit *unit)
{
    unit->y = placed(e, unit->y_range);
    clr_batch_norm_open(&unit->norm, &e->memory, unit->at_norm);
}

static void drop_plan(clr_encoder *e)
{
    clr_live_ranges_close(&e->ranges);
    clr_free(e->block);
    clr_free(e);
}

clr_status clr_encoder_new(clr_comm *comm, clr_planner *planner, const clr_encoder_config *config, clr_params *params,
                           clr_encoder **out)
{
    clr_encoder *e = CLR_NEW(clr_encoder, 1);
    clr_status st = clr_encoder_build(comm, planner, config, params, e);

    *out = NULL;
    if (st != CLR_OK) {
        drop_plan(e);
        return st;
    }
    clr_arena_open(&e->memory);
    clr_arena_open(&e->scratch);
    open_unit(e, &e->stem);
    if (e->pools)
        e->pool = placed(e, e->pool_range);
    if (e->pools && config->training)
        e->dstem = placed(e, e->dstem_range);
    for (int i = 0; i < e->blocks; i++) {
        clr_block *block = &e->block[i];
        block->out = placed(e, block->out_range);
        if (config->training) {
            block->dout = placed(e, block->dout_range);
            block->dmid = placed(e, block->dmid_range);
        }
        for (int u = 0; u < block->units; u++)
            open_unit(e, &block->unit[u]);
        if (block->projects)
            open_unit(e, &block->shortcut);
    }
    for (int i = 0; i < e->heads; i++)
        open_unit(e, &e->head[i]);
    e->h = placed(e, e->h_range);
    if (config->training) {
        e->dfirst = placed(e, e->dfirst_range);
        for (int i = 0; i < 2; i++)
            e->dhead[i] = placed(e, e->dhead_range[i]);
    }
    clr_live_ranges_close(&e->ranges);
    e->space = (clr_unit_space){.comm = config->bn == CLR_BN_GLOBAL ? comm : NULL,
                                .params = params,
                                .workspace = clr_arena_at(&e->scratch, e->at_workspace),
                                .times = &e->times};
    *out = e;
    return CLR_OK;
}

void clr_encoder_free(clr_encoder *e)
{
    if (!e)
        return;
    clr_arena_close(&e->memory);
    clr_arena_close(&e->scratch);
    drop_plan(e);
}

clr_status clr_encoder_memory(clr_comm *comm, clr_planner *planner, const clr_encoder_config *config,
                              clr_encoder_needs *needs)
{
    clr_params params = {0};
    clr_encoder *e = CLR_NEW(clr_encoder, 1);
    clr_status st = clr_encoder_build(comm, planner, config, &params, e);

    if (st == CLR_OK) {
        needs->params = (2 * params.weights.floats + params.states.floats) * (int64_t)sizeof(float);
        needs->stored = (int64_t)e->memory.bytes;
        needs->workspace = (int64_t)e->scratch.bytes;
        needs->features = clr_encoder_features(e);
        needs->outputs = clr_encoder_outputs(e);
    }
    clr_params_close(&params);
    drop_plan(e);
    return st;
}

clr_params *clr_encoder_params(clr_encoder *e)
{
    return e->params;
}
int clr_encoder_features(const clr_encoder *e)
{
    return e->features;
}
int clr_encoder_outputs(const clr_encoder *e)
{
    return e->heads ? e->head[e->heads - 1].problem.k : e->features;
}
const clr_encoder_times *clr_encoder_times_of(const clr_encoder *e)
{
    return &e->times;
}
double clr_encoder_flops(const clr_encoder *e)
{
    return e->flops;
}

/* residual: what block->in is still to be added up from; its y is NULL where block->in is there already. */
static void block_units(clr_encoder *e, clr_block *block, clr_conv_residual residual, clr_unit_mode mode)
{
    clr_view in = block->in;

    in.residual = residual;
    for (int u = 0; u < block->units; u++) {
        clr_unit_forward(&block->unit[u], &e->space, in, mode);
        in = (clr_view){.x = block->unit[u].y, .prologue = clr_batch_norm_prologue(&block->unit[u].norm, true)};
    }
    if (block->projects)
        clr_unit_forward(&block->shortcut, &e->space, block->in, mode);
}

static clr_unit *last_unit(clr_block *block)
{
    return &block->unit[block->units - 1];
}

static clr_conv_residual residual_of(clr_block *block)
{
    const clr_unit *last = last_unit(block), *shortcut = block->projects ? &block->shortcut : NULL;

    return (clr_conv_residual){.y = last->y,
                               .prologue = clr_batch_norm_prologue(&last->norm, false),
                               .shortcut = shortcut ? shortcut->y : block->in.x,
                               .other = shortcut ? clr_batch_norm_prologue(&shortcut->norm, false) : block->in.prologue,
                               .out = block->out};
}

static void residual(clr_encoder *e, clr_block *block)
{
    const clr_unit *last = last_unit(block);
    const clr_conv_residual residual = residual_of(block);
    double begin = clr_seconds();

    clr_conv_residual_add(&residual, clr_unit_rows(last, e->space.n), last->problem.k);
    e->times.residual += clr_seconds() - begin;
}

static clr_pool pool_of(const clr_encoder *e)
{
    return (clr_pool){e->stem.y,         clr_batch_norm_prologue(&e->stem.norm, true),
                      e->space.n,        e->stem.problem.p,
                      e->stem.problem.q, e->stem.problem.k};
}

static void forward(clr_encoder *e, const float *x, int n, clr_unit_mode mode, float *h, float *z)
{
    const clr_unit *last = last_unit(&e->block[e->blocks - 1]);

    CLR_CHECK(n >= 0 && n <= e->config.views);
    e->space.n = n;
    e->x = x;
    clr_unit_forward(&e->stem, &e->space, (clr_view){.x = x}, mode);
    clr_view in = {.x = e->stem.y, .prologue = clr_batch_norm_prologue(&e->stem.norm, true)};
    if (e->pools) {
        double begin = clr_seconds();
        const clr_pool pool = pool_of(e);
        clr_pool_max(&pool, e->pool);
        e->times.pool += clr_seconds() - begin;
        in = (clr_view){.x = e->pool};
    }
    for (int i = 0; i < e->blocks; i++) {
        clr_alive();
        e->block[i].in = in;
        block_units(e, &e->block[i], i ? residual_of(&e->block[i - 1]) : (clr_conv_residual){0}, mode);
        in = (clr_view){.x = e->block[i].out};
    }
    residual(e, &e->block[e->blocks - 1]);
    double begin = clr_seconds();
    clr_pool_mean(in.x, n, last->problem.p * last->problem.q, e->features, e->h);
    e->times.pool += clr_seconds() - begin;
    if (h)
        memcpy(h, e->h, (size_t)n * (size_t)e->features * sizeof *h);
    if (!z)
        return;
    in = (clr_view){.x = e->h};
    for (int i = 0; i < e->heads; i++) {
        clr_unit_forward(&e->head[i], &e->space, in, mode);
        in = (clr_view){.x = e->head[i].y, .prologue = clr_batch_norm_prologue(&e->head[i].norm, i < e->heads - 1)};
    }
    clr_prologue_apply(in.x, &in.prologue, n, clr_encoder_outputs(e), z);
}

void clr_encoder_forward(clr_encoder *e, const float *x, int n, int64_t total, bool update, float *h, float *z)
{
    int ranks = clr_comm_size(e->comm);

    e->times = (clr_encoder_times){0};
    e->space.total = (double)(e->space.comm ? total : n);
    forward(e, x, n, update ? CLR_UNIT_UPDATE : CLR_UNIT_TRAIN, h, z);
    e->params->batches += update;
    if (!update || e->space.comm || ranks == 1)
        return;
    clr_comm_allreduce_sum(e->comm, e->params->state, e->params->states.floats);
    for (int64_t i = 0; i < e->params->states.floats; i++)
        e->params->state[i] /= (float)ranks;
}

void clr_encoder_infer(clr_encoder *e, const float *x, int n, float *h, float *z)
{
    e->times = (clr_encoder_times){0};
    forward(e, x, n, CLR_UNIT_INFER, h, z);
}

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

    clr_conv_relu_backward(&args, clr_unit_rows(below.unit, e->space.n), below.unit->problem.k);
    e->times.residual += clr_seconds() - begin;
}

/* dhead[0] holds dz; returns the one of the two that holds dh in the end. */
static const clr_stored *head_backward(clr_encoder *e, bool accumulate)
{
    clr_stored *dout = e->dhead[0], *din = e->dhead[1];

    for (int i = e->heads - 1; i >= 0; i--) {
        clr_unit *unit = &e->head[i];
        clr_producer below = i ? clr_unit_producer(&e->head[i - 1]) : (clr_producer){.view = {.x = e->h}};
        if (i == e->heads - 1)
            mask(e, dout, (clr_producer){{.x = unit->y}, unit}); /* no ReLU: sums alone */
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
    return (clr_producer){{.x = block->out, .prologue = {.relu = true}}, last_unit(block)};
}

/* block->dout holds the gradient of its output, masked, and the sums for the norm of its last unit are there. Leaves
   the same for what lies below: the block below, the stem, or the max-pool's output (there without mask and sums). */
static void block_backward(clr_encoder *e, int i, bool accumulate)
{
    clr_block *block = &e->block[i];
    clr_unit *unit = block->unit, *shortcut = block->projects ? &block->shortcut : NULL;
    clr_unit_space *space = &e->space;
    clr_stored *dout = block->dout, *dmid = block->dmid, *din = i ? block[-1].dout : e->dfirst;

    clr_alive();
    for (int j = i && block->run == i && !e->config.recompute ? block[-1].run : i; j < i; j++)
        residual(e, &e->block[j]); /* outputs of the run below, which were not kept */
    if (shortcut) {
        mask(e, dout, (clr_producer){{.x = shortcut->y}, shortcut});
        clr_unit_backward_weight(shortcut, space, dout, block->in, accumulate);
        clr_unit_backward_data(shortcut, space, din, false, NULL);
    } /* else the identity: din is the same place as dout */
    for (int u = block->units - 1; u > 0; u--) {
        clr_producer below = clr_unit_producer(&unit[u - 1]);
        clr_unit_backward_weight(&unit[u], space, u == block->units - 1 ? dout : dmid, below.view, accumulate);
        clr_unit_backward_data(&unit[u], space, dmid, false, &below);
    }
    clr_unit_backward_weight(&unit[0], space, dmid, block->in, accumulate);
    if (i && e->config.recompute)
        block_units(e, &block[-1], (clr_conv_residual){0}, CLR_UNIT_RECOMPUTE);
    clr_producer below = i ? residual_producer(&block[-1]) : clr_unit_producer(&e->stem);
    clr_unit_backward_data(&unit[0], space, din, true, i || !e->pools ? &below : NULL);
}

void clr_encoder_backward(clr_encoder *e, const float *dz, bool accumulate, clr_encoder_ready *ready, void *context)
{
    clr_block *highest = &e->block[e->blocks - 1];
    const clr_unit *last = last_unit(highest);

    CLR_CHECK(e->config.training);
    memcpy(e->dhead[0], dz, (size_t)e->space.n * (size_t)clr_encoder_outputs(e) * sizeof *dz);
    const clr_stored *dh = head_backward(e, accumulate);
    if (ready)
        ready(context, e->head_first);
    double begin = clr_seconds();
    clr_pool_mean_backward(dh, e->space.n, last->problem.p * last->problem.q, e->features, highest->dout);
    e->times.pool += clr_seconds() - begin;
    if (e->config.recompute)
        block_units(e, highest, (clr_conv_residual){0}, CLR_UNIT_RECOMPUTE);
    mask(e, highest->dout, residual_producer(highest));
    for (int i = e->blocks - 1; i >= 0; i--) {
        block_backward(e, i, accumulate);
        if (ready)
            ready(context, e->block[i].first);
    }
    if (e->pools && e->config.recompute)
        clr_unit_forward(&e->stem, &e->space, (clr_view){.x = e->x}, CLR_UNIT_RECOMPUTE);
    if (e->pools) {
        const clr_pool pool = pool_of(e);
        begin = clr_seconds();
        clr_pool_max_backward(&pool, e->dfirst, e->dstem, &e->stem.norm, e->space.workspace);
        e->times.pool += clr_seconds() - begin;
    }
    clr_unit_backward_weight(&e->stem, &e->space, e->pools ? e->dstem : e->dfirst, (clr_view){.x = e->x}, accumulate);
    if (ready)
        ready(context, 0);
}
