/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of an epoch: a Feistel network of six rounds over the next power of four at or above the number of
   images, walked until it lands inside (cycle walking, Black and Rogaway 2002). Its keys come from (seed, epoch).
   Halves have at least four bits: with fewer some orders are visibly more likely. */
#include "clr/sampler.h"

#include "clr/rng.h"

enum { ROUNDS = 6 };

int64_t clr_sampler_steps(const clr_sampler *sampler)
{
    return sampler->images / sampler->batch;
}

typedef struct order {
    uint64_t key[ROUNDS];
    int half; /* bits of each half */
} order;

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static order order_of(const clr_sampler *sampler, int64_t epoch)
{
    order a = {.half = 4};
    clr_rng rng = clr_rng_for(sampler->seed, (uint64_t)epoch, 0, 0, CLR_RNG_ORDER);

    while ((UINT64_C(1) << (2 * a.half)) < (uint64_t)sampler->images)
        a.half++;
    for (int i = 0; i < ROUNDS; i++)
        a.key[i] = (uint64_t)clr_rng_u32(&rng) << 32 | clr_rng_u32(&rng);
    return a;
}

static int64_t place(const order *a, int64_t images, int64_t index)
{
    uint64_t mask = (UINT64_C(1) << a->half) - 1, value = (uint64_t)index;

    do {
        uint64_t left = value >> a->half, right = value & mask;
        for (int i = 0; i < ROUNDS; i++) {
            uint64_t next = left ^ (mix(right + a->key[i]) & mask);
            left = right;
            right = next;
        }
        value = left << a->half | right;
    } while (value >= (uint64_t)images);
    return (int64_t)value;
}

int64_t clr_sampler_at(const clr_sampler *sampler, int64_t epoch, int64_t index)
{
    order a = order_of(sampler, epoch);
    return place(&a, sampler->images, index);
}

void clr_sampler_batch(const clr_sampler *sampler, int64_t step, int64_t first, int n, int64_t *ids)
{
    int64_t steps = clr_sampler_steps(sampler), start = step % steps * sampler->batch + first;
    order a = order_of(sampler, step / steps);

    for (int i = 0; i < n; i++)
        ids[i] = place(&a, sampler->images, start + i);
}
