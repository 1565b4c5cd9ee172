/* SPDX-License-Identifier: BSD-3-Clause */
/* The network in memory: opened after its plan, and closed. forward.c and backward.c run it. */
#include "build.h"

#include "clr/mem.h"

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
    if (config->dtype != CLR_FP32)
        e->views = placed(e, e->views_range);
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
    return e->shown ? e->head[e->shown - 1].problem.k : e->features;
}

void clr_encoder_tap(clr_encoder *e, int layers)
{
    CLR_CHECK(layers >= 1 && layers <= e->heads);
    e->shown = layers;
}

const clr_encoder_times *clr_encoder_times_of(const clr_encoder *e)
{
    return &e->times;
}

double clr_encoder_flops(const clr_encoder *e)
{
    return e->flops;
}
