/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_RNG_H
#define CLR_RNG_H
/* Random numbers without state to save: every stream is a pure function of what it is for.
   Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11). */

#include "clr/opt.h"

#include <stdint.h>

typedef struct clr_rng {
    uint32_t key[2], counter[4], block[4];
    int left;     /* unused words in block */
    double spare; /* second normal of a pair */
    int has_spare;
} clr_rng;

/* --seed, into an int64_t. */
extern const clr_opt clr_seed_option[];

/* What a draw is for. op: an augmentation's place in its list, or one of CLR_RNG_*. */
enum { CLR_RNG_ORDER = 0xff00, CLR_RNG_INIT, CLR_RNG_PROBE, CLR_RNG_BENCH, CLR_RNG_SPLIT, CLR_RNG_TRANSFORMATION };

/* Local. The stream of (seed, epoch, sample, view, op). */
clr_rng clr_rng_for(uint64_t seed, uint64_t epoch, uint64_t sample, uint32_t view, uint32_t op);

/* The next 32 random bits. */
uint32_t clr_rng_u32(clr_rng *rng);
double clr_rng_uniform(clr_rng *rng);                          /* [0, 1), 32 bits */
double clr_rng_between(clr_rng *rng, double low, double high); /* [low, high) */
uint32_t clr_rng_below(clr_rng *rng, uint32_t n);              /* 0 .. n-1 without bias; n > 0 */
double clr_rng_normal(clr_rng *rng);                           /* mean 0, variance 1 */
double clr_rng_truncated_normal(clr_rng *rng);                 /* normal, redrawn outside [-2, 2] */
void clr_rng_shuffle(clr_rng *rng, int *items, int n);         /* Fisher-Yates */

#endif
