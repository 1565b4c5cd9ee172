/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts that all optimizers share: slots, chunks of the block for threads, the gradient's norm. */
#include "clr/optim.h"

#include "clr/err.h"
#include "clr/mem.h"
#include "ops.h"

#include <math.h>

enum { CHUNK = 16384 };

#define DECLARE(name) extern const clr_optim_op clr_optim_##name;
CLR_OPTIMIZERS(DECLARE, )
#define ENTRY(name) &clr_optim_##name,
static const clr_optim_op *const ops[] = {CLR_OPTIMIZERS(ENTRY, )};

static int64_t cut(const clr_table *table, clr_chunk *chunk)
{
    int64_t n = 0;

    for (int e = 0; e < table->entries; e++)
        for (int64_t at = 0; at < (table->entry[e].frozen ? 0 : table->entry[e].count); at += CHUNK, n++)
            if (chunk)
                chunk[n] = (clr_chunk){e, table->entry[e].offset + at, clr_min64(CHUNK, table->entry[e].count - at)};
    return n;
}

clr_optim *clr_optim_new(const clr_optim_config *config, clr_params *params)
{
    clr_optim *optim = CLR_NEW(clr_optim, 1);

    CLR_CHECK(config->kind < CLR_OPTIM_KINDS);
    optim->op = ops[config->kind];
    optim->config = *config;
    optim->params = params;
    for (int s = 0; s < optim->op->slots; s++)
        optim->slot[s] = CLR_NEW(float, params->weights.floats);
    optim->chunks = cut(&params->weights, NULL);
    optim->chunk = CLR_NEW(clr_chunk, optim->chunks);
    cut(&params->weights, optim->chunk);
    optim->sum = CLR_NEW(double, 2 * optim->chunks);
    optim->norm = CLR_NEW(double, 2 * params->weights.entries);
    return optim;
}

void clr_optim_free(clr_optim *optim)
{
    if (!optim)
        return;
    for (int s = 0; s < optim->op->slots; s++)
        clr_free(optim->slot[s]);
    clr_free(optim->chunk);
    clr_free(optim->sum);
    clr_free(optim->norm);
    clr_free(optim);
}

const char *clr_optim_name(const clr_optim *optim)
{
    return optim->op->name;
}

void clr_optim_step(clr_optim *optim, double lr, int64_t step)
{
    optim->op->step(optim, lr, step);
}

int clr_optim_slots(const clr_optim *optim)
{
    return optim->op->slots;
}

int clr_optim_slots_of(clr_optim_kind kind)
{
    CLR_CHECK(kind < CLR_OPTIM_KINDS);
    return ops[kind]->slots;
}

const char *clr_optim_slot_name(const clr_optim *optim, int slot)
{
    CLR_CHECK(slot >= 0 && slot < optim->op->slots);
    return optim->op->slot_name[slot];
}

float *clr_optim_slot(clr_optim *optim, int slot)
{
    CLR_CHECK(slot >= 0 && slot < optim->op->slots);
    return optim->slot[slot];
}

double clr_grad_norm(const clr_params *params)
{
    const clr_table *table = &params->weights;
    double total = 0;

    /* Entries one after another, each in runs of fixed length: any number of threads gives the same bits. */
    for (int e = 0; e < table->entries; e++) {
        const float *grad = clr_params_grad(params, e);
        int64_t count = table->entry[e].not_in_norm || table->entry[e].frozen ? 0 : table->entry[e].count;
        for (int64_t first = 0; first < count; first += 64 * CHUNK) {
            double part[64] = {0};
            int parts = (int)clr_min64(64, (count - first + CHUNK - 1) / CHUNK);
#pragma omp parallel for schedule(static) if (parts > 1)
            for (int i = 0; i < parts; i++) {
                int64_t from = first + (int64_t)i * CHUNK, to = clr_min64(count, from + CHUNK);
                double sum = 0;
#pragma omp simd reduction(+ : sum)
                for (int64_t k = from; k < to; k++)
                    sum += (double)grad[k] * grad[k];
                part[i] = sum;
            }
            for (int i = 0; i < parts; i++)
                total += part[i];
        }
    }
    return sqrt(total);
}
