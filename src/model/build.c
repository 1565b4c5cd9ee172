/* SPDX-License-Identifier: BSD-3-Clause */
/* What the network consists of: torchvision's ResNet (v1.5: the stride sits on the 3x3), its names, and the plan of
   its memory.

   Initial values (protocol of SimCLR): convolutions from a normal cut at two deviations with variance 1 / fan-in
   (0.87962566 is the deviation of a unit normal so cut), linear layers from N(0, 0.01), gamma 1, but 0 for the last
   norm of each residual branch. */
#include "build.h"

#include "clr/isa.h"
#include "clr/log.h"
#include "clr/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct builder {
    clr_encoder *e;
    clr_planner *planner;
    size_t workspace;
} builder;

static void norm_entries(clr_encoder *e, clr_batch_norm *norm, const char *name, double gamma, bool free_beta)
{
    clr_entry entry = {.role = CLR_ROLE_VECTOR,
                       .r = 1,
                       .s = 1,
                       .c = 1,
                       .k = norm->k,
                       .no_decay = true,
                       .no_adaptation = true,
                       .frozen = e->adding_frozen,
                       .initial = gamma};

    snprintf(entry.name, sizeof entry.name, "%s.weight", name);
    norm->gamma = clr_table_add(&e->params->weights, &entry);
    entry.initial = 0;
    snprintf(entry.name, sizeof entry.name, "%s.bias", name);
    norm->beta = free_beta ? clr_table_add(&e->params->weights, &entry) : -1;
    norm->fixed_beta = free_beta ? -1 : clr_table_add(&e->params->states, &entry);
    snprintf(entry.name, sizeof entry.name, "%s.running_mean", name);
    norm->running_mean = clr_table_add(&e->params->states, &entry);
    entry.initial = 1;
    snprintf(entry.name, sizeof entry.name, "%s.running_var", name);
    norm->running_var = clr_table_add(&e->params->states, &entry);
}

static void need(builder *b, size_t bytes)
{
    b->workspace = bytes > b->workspace ? bytes : b->workspace;
}

/* A convolution and its batch norm, by their names. gamma: the norm's first value. */
static void add_unit(builder *b, clr_unit *unit, const clr_conv_problem *problem, const char *conv, const char *norm,
                     clr_role role, double gamma, bool free_beta)
{
    clr_encoder *e = b->e;
    clr_entry entry = {.role = role,
                       .r = problem->r,
                       .s = problem->s,
                       .c = problem->c,
                       .k = problem->k,
                       .frozen = e->adding_frozen,
                       .truncated = role == CLR_ROLE_CONV};

    entry.initial = role == CLR_ROLE_CONV ? sqrt(1.0 / (problem->r * problem->s * problem->c)) / 0.87962566 : 0.01;
    snprintf(entry.name, sizeof entry.name, "%s.weight", conv);
    unit->problem = *problem;
    unit->problem.dtype = role == CLR_ROLE_LINEAR ? CLR_FP32 : e->config.dtype;
    unit->kind = role == CLR_ROLE_LINEAR ? 4
                 : unit == &e->stem      ? 0
                 : problem->r == 1       ? 3
                 : problem->stride == 1  ? 1
                                         : 2;
    unit->weight = clr_table_add(&e->params->weights, &entry);
    clr_batch_norm_place(&unit->norm, problem->k, &e->memory, unit->at_norm);
    norm_entries(e, &unit->norm, norm, gamma, free_beta);

    need(b, clr_conv_sums_bytes(problem->k));
    for (int d = 0; d < (e->config.training ? CLR_DIRECTIONS : 1); d++) {
        unit->solver[d] = clr_planner_choose(b->planner, &unit->problem, (clr_direction)d);
        need(b, clr_conv_workspace(unit->solver[d], &unit->problem, (clr_direction)d));
    }
    if (role == CLR_ROLE_CONV)
        e->flops += clr_conv_flops(problem) / problem->n * (unit == &e->stem ? 2 : 3);
}

static void add_block(builder *b, clr_block *block, const char *name, int h, int w, int c_in, int c, int stride,
                      bool bottleneck)
{
    clr_encoder *e = b->e;
    int n = e->config.views, c_out = bottleneck ? 4 * c : c, place = (int)(block - e->block);
    clr_conv_problem problem[CLR_BLOCK_UNITS];
    char conv[72], norm[72];

    block->units = bottleneck ? 3 : 2;
    block->first = e->params->weights.floats;
    if (bottleneck) {
        problem[0] = clr_conv_problem_of(n, h, w, c_in, c, 1, 1, 0);
        problem[1] = clr_conv_problem_of(n, h, w, c, c, 3, stride, 1);
        problem[2] = clr_conv_problem_of(n, problem[1].p, problem[1].q, c, c_out, 1, 1, 0);
    } else {
        problem[0] = clr_conv_problem_of(n, h, w, c_in, c, 3, stride, 1);
        problem[1] = clr_conv_problem_of(n, problem[0].p, problem[0].q, c, c_out, 3, 1, 1);
    }
    for (int i = 0; i < block->units; i++) {
        snprintf(conv, sizeof conv, "%s.conv%d", name, i + 1);
        snprintf(norm, sizeof norm, "%s.bn%d", name, i + 1);
        add_unit(b, &block->unit[i], &problem[i], conv, norm, CLR_ROLE_CONV, i == block->units - 1 ? 0 : 1, true);
    }
    block->projects = stride != 1 || c_in != c_out;
    if (block->projects) {
        clr_conv_problem shortcut = clr_conv_problem_of(n, h, w, c_in, c_out, 1, stride, 0);
        snprintf(conv, sizeof conv, "%s.downsample.0", name);
        snprintf(norm, sizeof norm, "%s.downsample.1", name);
        add_unit(b, &block->shortcut, &shortcut, conv, norm, CLR_ROLE_CONV, 1, true);
    }
    block->run = place == 0 || block->projects ? place : block[-1].run;
}

static void add_head(builder *b)
{
    clr_encoder *e = b->e;
    const clr_encoder_config *config = &e->config;
    int layers = config->head == CLR_HEAD_NONE     ? 0
                 : config->head == CLR_HEAD_LINEAR ? 1
                                                   : config->head_layers,
        in = e->features;
    char linear[72], norm[72];

    e->heads = e->shown = layers;
    e->head_first = e->params->weights.floats;
    for (int i = 0; i < layers; i++) {
        bool last = i == layers - 1;
        int out = last && !config->head_relu ? config->head_dim : e->features;
        clr_conv_problem problem = clr_conv_problem_of(e->config.views, 1, 1, in, out, 1, 1, 0);
        snprintf(linear, sizeof linear, "head/%d", 3 * i);
        snprintf(norm, sizeof norm, "head/%d", 3 * i + 1);
        add_unit(b, &e->head[i], &problem, linear, norm, CLR_ROLE_LINEAR, 1, !last || config->head_relu);
        in = out;
    }
}

static const struct {
    int depth, blocks[4];
    bool bottleneck;
} depths[] = {{18, {2, 2, 2, 2}, false},
              {34, {3, 4, 6, 3}, false},
              {50, {3, 4, 6, 3}, true},
              {101, {3, 4, 23, 3}, true},
              {152, {3, 8, 36, 3}, true}};

int clr_encoder_depth(const int blocks[4], bool bottleneck)
{
    for (size_t i = 0; i < CLR_COUNT(depths); i++)
        if (!memcmp(blocks, depths[i].blocks, sizeof depths[i].blocks) && bottleneck == depths[i].bottleneck)
            return depths[i].depth;
    return 0;
}

static clr_status check(const clr_encoder_config *config, size_t *depth)
{
    for (*depth = 0; *depth < CLR_COUNT(depths) && depths[*depth].depth != config->depth;)
        ++*depth;
    if (*depth == CLR_COUNT(depths))
        return clr_fail(CLR_EUSAGE, "there is no ResNet-%d here: 18, 34, 50, 101, 152", config->depth);
    if ((int)(64 * config->width) < 1 || config->width > 64)
        return clr_fail(CLR_EUSAGE, "--width=%g: 64 channels times the width must lie between 1 and 4096",
                        config->width);
    if (config->size < 1 || config->size > 4096 || (config->channels != 1 && config->channels != 3))
        return clr_fail(CLR_EUSAGE, "images of %d pixels and %d channels cannot be encoded", config->size,
                        config->channels);
    if (config->head == CLR_HEAD_NONLINEAR && (config->head_layers < 1 || config->head_layers > CLR_HEAD_UNITS))
        return clr_fail(CLR_EUSAGE, "--head-layers=%d: must lie between 1 and %d", config->head_layers, CLR_HEAD_UNITS);
    if (config->head != CLR_HEAD_NONE && config->head_dim < 1)
        return clr_fail(CLR_EUSAGE, "--head-dim=%d: must be at least 1", config->head_dim);
    if (config->views < 1)
        return clr_fail(CLR_EUSAGE, "no views to encode");
    return clr_conv_check_dtype(config->dtype);
}

clr_status clr_encoder_build(clr_comm *comm, clr_planner *planner, const clr_encoder_config *config, clr_params *params,
                             clr_encoder *e)
{
    size_t depth;
    clr_status st = check(config, &depth);
    double most = config->views;

    if (st != CLR_OK)
        return st;
    if (config->dtype == CLR_BF16 && clr_isa_current() != CLR_ISA_AVX512BF16 && clr_comm_rank(comm) == 0)
        clr_warn_once("bf16",
                      "--dtype=bf16: this processor has no dot products of bf16 (AVX512-BF16); it saves memory, "
                      "but fp32 is as fast or faster here");
    clr_comm_allreduce_max_double(comm, &most, 1); /* one plan for all ranks, whatever their shares */
    *e = (clr_encoder){.comm = comm, .config = *config, .params = params};
    e->config.views = (int)most;
    builder b = {.e = e, .planner = planner};
    bool imagenet = config->stem == CLR_STEM_IMAGENET, bottleneck = depths[depth].bottleneck;
    int c = (int)(64 * config->width), in = c, h, w;
    char name[72];

    clr_conv_problem stem =
        imagenet ? clr_conv_problem_of(e->config.views, config->size, config->size, config->channels, c, 7, 2, 3)
                 : clr_conv_problem_of(e->config.views, config->size, config->size, config->channels, c, 3, 1, 1);
    e->pools = imagenet;
    for (int group = 0; group < 4; group++)
        e->blocks += depths[depth].blocks[group];
    e->adding_frozen = config->frozen > 0;
    add_unit(&b, &e->stem, &stem, "encoder/conv1", "encoder/bn1", CLR_ROLE_CONV, 1, true);
    h = stem.p, w = stem.q;
    if (imagenet) {
        e->pool_h = h = (h + 1) / 2;
        e->pool_w = w = (w + 1) / 2;
    }
    e->block = CLR_NEW(clr_block, e->blocks);
    for (int group = 0, i = 0; group < 4; group++)
        for (int j = 0; j < depths[depth].blocks[group]; j++, i++) {
            e->adding_frozen = config->frozen > 1 + group;
            e->frozen_blocks += e->adding_frozen;
            snprintf(name, sizeof name, "encoder/layer%d.%d", group + 1, j);
            add_block(&b, &e->block[i], name, h, w, in, c << group, group && !j ? 2 : 1, bottleneck);
            const clr_conv_problem *last = &e->block[i].unit[e->block[i].units - 1].problem;
            h = last->p, w = last->q, in = last->k;
        }
    e->features = in;
    e->adding_frozen = false;
    add_head(&b);
    e->at_ranges = clr_arena_reserve(&e->memory, clr_encoder_plan(e));
    e->at_workspace = clr_arena_reserve(&e->scratch, b.workspace);
    return CLR_OK;
}
