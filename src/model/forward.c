/* SPDX-License-Identifier: BSD-3-Clause */
/* Forward of the network. A block is out = relu(u_m(... u_1(in)) + s(in)), u_i units, s the identity or a unit. The
   next block's u_1 computes out, since it reads it first. */
#include "build.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <string.h>

void clr_encoder_block(clr_encoder *e, clr_block *block, clr_conv_residual residual, clr_unit_mode mode)
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

static clr_conv_residual residual_of(clr_block *block)
{
    const clr_unit *last = clr_last_unit(block), *shortcut = block->projects ? &block->shortcut : NULL;

    return (clr_conv_residual){.y = last->y,
                               .prologue = clr_batch_norm_prologue(&last->norm, false),
                               .shortcut = shortcut ? shortcut->y : block->in.x,
                               .other = shortcut ? clr_batch_norm_prologue(&shortcut->norm, false) : block->in.prologue,
                               .out = block->out};
}

void clr_encoder_residual(clr_encoder *e, clr_block *block)
{
    const clr_unit *last = clr_last_unit(block);
    const clr_conv_residual residual = residual_of(block);
    double begin = clr_seconds();

    clr_conv_residual_add(e->config.dtype, &residual, clr_unit_rows(last, e->space.n), last->problem.k);
    e->times.residual += clr_seconds() - begin;
}

clr_pool clr_encoder_pool(const clr_encoder *e)
{
    return (clr_pool){e->stem.y,         clr_batch_norm_prologue(&e->stem.norm, true),
                      e->space.n,        e->stem.problem.p,
                      e->stem.problem.q, e->stem.problem.k,
                      e->config.dtype};
}

/* What is frozen uses running statistics, as in inference. */
static clr_unit_mode mode_of(bool frozen, clr_unit_mode mode)
{
    return frozen && mode != CLR_UNIT_RECOMPUTE ? CLR_UNIT_INFER : mode;
}

static void forward(clr_encoder *e, const float *x, int n, clr_unit_mode mode, float *h, float *z)
{
    const clr_unit *last = clr_last_unit(&e->block[e->blocks - 1]);

    CLR_CHECK(n >= 0 && n <= e->config.views);
    e->space.n = n;
    e->x = x;
    if (e->config.dtype != CLR_FP32) {
        const clr_conv_problem *stem = &e->stem.problem;
        clr_store_rows(e->config.dtype, x, n, (int64_t)stem->h * stem->w * stem->c, e->views);
        e->x = e->views;
    }
    clr_unit_forward(&e->stem, &e->space, (clr_view){.x = e->x}, mode_of(e->config.frozen > 0, mode));
    clr_view in = {.x = e->stem.y, .prologue = clr_batch_norm_prologue(&e->stem.norm, true)};
    if (e->pools) {
        double begin = clr_seconds();
        const clr_pool pool = clr_encoder_pool(e);
        clr_pool_max(&pool, e->pool);
        e->times.pool += clr_seconds() - begin;
        in = (clr_view){.x = e->pool};
    }
    for (int i = 0; i < e->blocks; i++) {
        clr_alive();
        e->block[i].in = in;
        clr_encoder_block(e, &e->block[i], i ? residual_of(&e->block[i - 1]) : (clr_conv_residual){0},
                          mode_of(i < e->frozen_blocks, mode));
        in = (clr_view){.x = e->block[i].out};
    }
    clr_encoder_residual(e, &e->block[e->blocks - 1]);
    double begin = clr_seconds();
    clr_pool_mean(e->config.dtype, in.x, n, last->problem.p * last->problem.q, e->features, e->h);
    e->times.pool += clr_seconds() - begin;
    if (h)
        memcpy(h, e->h, (size_t)n * (size_t)e->features * sizeof *h);
    if (!z)
        return;
    in = (clr_view){.x = e->h};
    for (int i = 0; i < e->shown; i++) {
        clr_unit_forward(&e->head[i], &e->space, in, mode);
        in = (clr_view){.x = e->head[i].y,
                        .prologue = clr_batch_norm_prologue(&e->head[i].norm, i < e->heads - 1 || e->config.head_relu)};
    }
    clr_prologue_apply(in.x, &in.prologue, n, clr_encoder_outputs(e), z);
}

/* The mean of all ranks' running statistics. Frozen ones are equal on all ranks, and stay what they are bit for bit. */
static void average_states(clr_encoder *e, int ranks)
{
    const clr_table *states = &e->params->states;

    for (int i = 0; i < states->entries && clr_comm_rank(e->comm) > 0; i++)
        if (states->entry[i].frozen)
            memset(clr_params_state(e->params, i), 0, (size_t)states->entry[i].count * sizeof(float));
    clr_comm_allreduce_sum(e->comm, e->params->state, states->floats);
    for (int i = 0; i < states->entries; i++)
        for (int64_t j = 0; !states->entry[i].frozen && j < states->entry[i].count; j++)
            clr_params_state(e->params, i)[j] /= (float)ranks;
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
    average_states(e, ranks);
}

void clr_encoder_infer(clr_encoder *e, const float *x, int n, float *h, float *z)
{
    e->times = (clr_encoder_times){0};
    forward(e, x, n, CLR_UNIT_INFER, h, z);
}
