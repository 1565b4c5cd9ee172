/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables and blocks of parameters. Initial values are drawn from the stream of (seed, hash of the entry's name). */
#include "clr/params.h"

#include "clr/err.h"
#include "clr/hash.h"
#include "clr/mem.h"

#include <string.h>

enum { ROUND = 16 };

int clr_table_add(clr_table *table, const clr_entry *entry)
{
    if (!(table->entries & (table->entries - 1))) { /* a power of two: room doubles */
        clr_entry *larger = CLR_NEW(clr_entry, table->entries ? 2 * table->entries : 1);
        if (table->entries)
            memcpy(larger, table->entry, (size_t)table->entries * sizeof *larger);
        clr_free(table->entry);
        table->entry = larger;
    }
    clr_entry *here = &table->entry[table->entries];
    *here = *entry;
    here->offset = table->floats;
    here->count = (int64_t)here->r * here->s * here->c * here->k;
    CLR_CHECK(here->count > 0);
    table->floats += (here->count + ROUND - 1) / ROUND * ROUND;
    return table->entries++;
}

void clr_params_open(clr_params *params)
{
    params->value = CLR_NEW(float, params->weights.floats);
    params->grad = CLR_NEW(float, params->weights.floats + CLR_STEP_FLAGS);
    params->state = CLR_NEW(float, params->states.floats);
}

void clr_params_close(clr_params *params)
{
    clr_free(params->value);
    clr_free(params->grad);
    clr_free(params->state);
    clr_free(params->weights.entry);
    clr_free(params->states.entry);
    *params = (clr_params){0};
}

static void fill(const clr_table *table, float *block, uint64_t seed)
{
    for (int e = 0; e < table->entries; e++) {
        const clr_entry *entry = &table->entry[e];
        float *at = block + entry->offset;
        clr_rng rng = clr_rng_for(seed, 0, clr_hash(CLR_HASH_START, entry->name, strlen(entry->name)), 0, CLR_RNG_INIT);
        for (int64_t i = 0; i < entry->count; i++)
            at[i] = (float)(entry->role == CLR_ROLE_VECTOR ? entry->initial
                            : entry->truncated             ? entry->initial * clr_rng_truncated_normal(&rng)
                                                           : entry->initial * clr_rng_normal(&rng));
    }
}

void clr_params_init(clr_params *params, uint64_t seed)
{
    fill(&params->weights, params->value, seed);
    fill(&params->states, params->state, seed);
    params->batches = 0;
}

int clr_entry_shape(const clr_entry *entry, int64_t *shape)
{
    if (entry->role == CLR_ROLE_VECTOR) {
        shape[0] = entry->k;
        return 1;
    }
    shape[0] = entry->k;
    shape[1] = entry->c;
    if (entry->role == CLR_ROLE_LINEAR)
        return 2;
    shape[2] = entry->r;
    shape[3] = entry->s;
    return 4;
}

void clr_entry_to_file(const clr_entry *entry, const float *here, float *file)
{
    int64_t taps = (int64_t)entry->r * entry->s;

    for (int64_t t = 0; t < taps; t++)
        for (int64_t c = 0; c < entry->c; c++)
            for (int64_t k = 0; k < entry->k; k++)
                file[(k * entry->c + c) * taps + t] = here[(t * entry->c + c) * entry->k + k];
}

void clr_entry_from_file(const clr_entry *entry, const float *file, float *here)
{
    int64_t taps = (int64_t)entry->r * entry->s;

    for (int64_t t = 0; t < taps; t++)
        for (int64_t c = 0; c < entry->c; c++)
            for (int64_t k = 0; k < entry->k; k++)
                here[(t * entry->c + c) * entry->k + k] = file[(k * entry->c + c) * taps + t];
}
