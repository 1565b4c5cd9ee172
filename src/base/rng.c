/* SPDX-License-Identifier: BSD-3-Clause */
/* Philox4x32 with 10 rounds: counter (sample low, sample high, view and op, block), key from (seed, epoch). */
#include "clr/rng.h"

#include <math.h>

const clr_opt clr_seed_option[] = {
    {"seed", CLR_OPT_LONG, 0, "1", "N", 0, 1e15, NULL, CLR_OPT_IDENTITY, "of every random draw"}, {0}};

static uint64_t scramble(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

clr_rng clr_rng_for(uint64_t seed, uint64_t epoch, uint64_t sample, uint32_t view, uint32_t op)
{
    uint64_t key = scramble(scramble(seed + UINT64_C(0x9e3779b97f4a7c15)) + epoch);

    return (clr_rng){.key = {(uint32_t)key, (uint32_t)(key >> 32)},
                     .counter = {(uint32_t)sample, (uint32_t)(sample >> 32), view << 16 | (op & 0xffff), 0}};
}

static void philox(const clr_rng *rng, uint32_t out[4])
{
    uint32_t a = rng->counter[0], b = rng->counter[1], c = rng->counter[2], d = rng->counter[3];
    uint32_t k0 = rng->key[0], k1 = rng->key[1];

    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)a * 0xd2511f53u, q = (uint64_t)c * 0xcd9e8d57u;
        a = (uint32_t)(q >> 32) ^ b ^ k0;
        b = (uint32_t)q;
        c = (uint32_t)(p >> 32) ^ d ^ k1;
        d = (uint32_t)p;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    out[0] = a;
    out[1] = b;
    out[2] = c;
    out[3] = d;
}

uint32_t clr_rng_u32(clr_rng *rng)
{
    if (!rng->left) {
        philox(rng, rng->block);
        rng->counter[3]++;
        rng->left = 4;
    }
    return rng->block[--rng->left];
}

double clr_rng_uniform(clr_rng *rng)
{
    return clr_rng_u32(rng) * 0x1p-32;
}

double clr_rng_between(clr_rng *rng, double low, double high)
{
    return low + (high - low) * clr_rng_uniform(rng);
}

uint32_t clr_rng_below(clr_rng *rng, uint32_t n)
{
    uint32_t reject = -n % n, draw;

    do
        draw = clr_rng_u32(rng);
    while (draw < reject);
    return draw % n;
}

double clr_rng_normal(clr_rng *rng)
{
    if (rng->has_spare) {
        rng->has_spare = 0;
        return rng->spare;
    }
    double u = (clr_rng_u32(rng) + 1.0) * 0x1p-32, angle = 6.283185307179586 * clr_rng_uniform(rng);
    double radius = sqrt(-2 * log(u));
    rng->spare = radius * sin(angle);
    rng->has_spare = 1;
    return radius * cos(angle);
}

double clr_rng_truncated_normal(clr_rng *rng)
{
    double draw;

    do
        draw = clr_rng_normal(rng);
    while (fabs(draw) > 2);
    return draw;
}

void clr_rng_shuffle(clr_rng *rng, int *items, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)clr_rng_below(rng, (uint32_t)i + 1), item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}
