/* SPDX-License-Identifier: BSD-3-Clause */
/* The list follows the tables of params: each weight with its slots, running statistics, counters. */
#include "clr/state.h"

#include "clr/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char mean[] = ".running_mean";

/* Appends a tensor to the list; format makes its name. */
static clr_tensor *add(clr_state *state, void *data, const clr_entry *entry, const char *format, ...)
{
    clr_tensor *tensor = &state->tensor[state->tensors++];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(tensor->name, sizeof tensor->name, format, args);
    va_end(args);
    CLR_CHECK(length < (int)sizeof tensor->name);
    tensor->data = data;
    tensor->entry = entry;
    tensor->count = 1;
    if (entry) {
        tensor->rank = clr_entry_shape(entry, tensor->shape);
        tensor->count = entry->count;
        state->largest = clr_max64(state->largest, entry->count);
    }
    return tensor;
}

clr_state clr_state_of(clr_params *params, clr_optim *optim)
{
    clr_state state = {.optimizer = optim ? clr_optim_name(optim) : NULL};
    int slots = optim ? clr_optim_slots(optim) : 0;

    state.tensor = CLR_NEW(clr_tensor, (1 + slots) * params->weights.entries + 2 * params->states.entries);
    for (int e = 0; e < params->weights.entries; e++) {
        const clr_entry *entry = &params->weights.entry[e];
        add(&state, clr_params_value(params, e), entry, "model/%s", entry->name);
        for (int s = 0; s < slots; s++)
            add(&state, clr_optim_slot(optim, s) + entry->offset, entry, "optimizer/%s/%s/%s", state.optimizer,
                clr_optim_slot_name(optim, s), entry->name);
    }
    for (int e = 0; e < params->states.entries; e++)
        add(&state, clr_params_state(params, e), &params->states.entry[e], "model/%s", params->states.entry[e].name);
    for (int e = 0; e < params->states.entries; e++) {
        const char *name = params->states.entry[e].name;
        size_t n = strlen(name), m = sizeof mean - 1;
        if (n > m && !strcmp(name + n - m, mean))
            add(&state, &params->batches, NULL, "model/%.*s.num_batches_tracked", (int)(n - m), name);
    }
    return state;
}

static size_t bytes_of(const clr_tensor *tensor)
{
    return (size_t)tensor->count * (tensor->entry ? sizeof(float) : sizeof(int64_t));
}

clr_state clr_state_like(const clr_state *state)
{
    clr_state own = *state;
    size_t bytes = 0;

    own.tensor = CLR_NEW(clr_tensor, state->tensors);
    memcpy(own.tensor, state->tensor, (size_t)state->tensors * sizeof *own.tensor);
    for (int t = 0; t < own.tensors; t++)
        bytes += clr_aligned(bytes_of(&own.tensor[t]));
    own.own = CLR_NEW(char, bytes + 1);
    bytes = 0;
    for (int t = 0; t < own.tensors; t++) {
        own.tensor[t].data = own.own + bytes;
        bytes += clr_aligned(bytes_of(&own.tensor[t]));
    }
    return own;
}

void clr_state_copy(clr_state *to, const clr_state *from)
{
    CLR_CHECK(to->tensors == from->tensors);
    for (int t = 0; t < from->tensors; t++)
        memcpy(to->tensor[t].data, from->tensor[t].data, bytes_of(&from->tensor[t]));
}

void clr_state_free(clr_state *state)
{
    clr_free(state->tensor);
    clr_free(state->own);
    *state = (clr_state){0};
}

const clr_tensor *clr_state_find(const clr_state *state, const char *name)
{
    for (int t = 0; t < state->tensors; t++)
        if (!strcmp(state->tensor[t].name, name))
            return &state->tensor[t];
    return NULL;
}

void clr_tensor_to_file(const clr_tensor *tensor, float *file)
{
    clr_entry_to_file(tensor->entry, tensor->data, file);
}

void clr_tensor_from_file(const clr_tensor *tensor, const float *file)
{
    clr_entry_from_file(tensor->entry, file, tensor->data);
}

clr_status clr_tensor_check(const clr_tensor *tensor)
{
    const float *x = tensor->data;
    bool good = true;
    int64_t i = 0;

    if (!tensor->entry)
        return CLR_OK;
    for (int64_t k = 0; k < tensor->count; k++)
        good &= isfinite(x[k]) != 0;
    if (good)
        return CLR_OK;
    while (isfinite(x[i]))
        i++;
    return clr_fail(CLR_ENUMERIC, "/%s[%lld] is %g", tensor->name, (long long)i, (double)x[i]);
}

clr_status clr_state_check(const clr_state *state)
{
    clr_status st = CLR_OK;

    for (int t = 0; t < state->tensors && st == CLR_OK; t++)
        st = clr_tensor_check(&state->tensor[t]);
    return st;
}
