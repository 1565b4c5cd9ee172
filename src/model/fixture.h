/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_MODEL_FIXTURE_H
#define CLR_MODEL_FIXTURE_H
/* For tests: weights and images that any part of a batch gives alike, on any rank. */

#include "clr/params.h"

#include <string.h>

/* Item i of a stream: uniform in [-1, 1), an integer hash. */
static inline double fixture_uniform(uint32_t stream, uint32_t i)
{
    uint32_t x = stream * 2654435761u + i;

    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return (double)((x ^ (x >> 16)) >> 8) * 0x1p-23 - 1;
}

/* Weights as He would scale them, gammas about 1, but a tenth of that for the last norms of branches: larger,
   rounding would grow from block to block; betas about 0. salt: which of many such networks. */
static inline void fixture_fill(clr_params *params, uint32_t salt)
{
    for (int e = 0; e < params->weights.entries; e++) {
        const clr_entry *entry = &params->weights.entry[e];
        float *value = clr_params_value(params, e);
        int64_t taps = (int64_t)entry->r * entry->s;
        double fan = (double)taps * entry->c;
        bool last = strstr(entry->name, ".bn2.") || strstr(entry->name, ".bn3.");
        bool beta = entry->role == CLR_ROLE_VECTOR && strstr(entry->name, ".bias");
        for (int64_t i = 0; i < entry->count; i++) {
            int64_t k = i % entry->k, c = i / entry->k % entry->c, tap = i / entry->k / entry->c;
            double u = fixture_uniform(10000 * salt + (uint32_t)e + 1, (uint32_t)((k * entry->c + c) * taps + tap));
            value[i] = (float)(entry->role != CLR_ROLE_VECTOR ? u * __builtin_sqrt(6 / fan)
                               : beta                         ? 0.25 * u
                                                              : (last ? 0.1 : 1) * (1 + 0.5 * u));
        }
    }
}

/* Pixels in [0, 1), (n, size, size, channels): a colour, a 4x4 chequer of colours and noise; image i of any batch is
   the same: stream 1000 + i. */
static inline void fixture_images(float *x, int first, int n, int size, int channels)
{
    for (int i = 0; i < n; i++)
        for (int at = 0; at < size * size * channels; at++) {
            uint32_t stream = 1000 + (uint32_t)(first + i);
            int row = at / channels / size, column = at / channels % size, c = at % channels;
            uint32_t cell = (uint32_t)(row * 4 / size * 4 + column * 4 / size);
            double colour = fixture_uniform(stream, 0x10000000u + (uint32_t)c),
                   chequer = fixture_uniform(stream, 0x20000000u + cell * (uint32_t)channels + (uint32_t)c);
            *x++ = (float)(0.5 + 0.2 * colour + 0.15 * chequer + 0.1 * fixture_uniform(stream, (uint32_t)at));
        }
}

/* Gradient of z, row i the same in any batch: stream 5000 + i. */
static inline void fixture_dz(float *dz, int first, int n, int64_t each)
{
    for (int64_t i = 0; i < n * each; i++)
        dz[i] = (float)fixture_uniform(5000 + (uint32_t)(first + i / each), (uint32_t)(i % each));
}

#endif
