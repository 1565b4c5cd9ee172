/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PASSES_H
#define CLR_PASSES_H
/* Passes over rows in memory: for solvers that do not fuse them, which clr_conv_apply then runs by themselves. */
#include "clr/conv.h"
#include "clr/mem.h"

#include <string.h>

/* A pass over rows first .. last-1. With sums: moments of y, or ReLU's backward with its moments of dx (moments.h).
   Without: batch norm's backward (bn_backward.h), or the residual (residual.h). */
typedef void clr_conv_pass(const clr_conv_args *args, int channels, int64_t first, int64_t last, double *sums);

/* `pixels` pixels, channels c0 .. c0+n-1 of each, `from_ld` elements apart, with the prologue applied, into to,
   `to_ld` apart. */
typedef void clr_conv_prologue_fn(clr_stored *to, int64_t to_ld, const clr_stored *from, int64_t from_ld, int pixels,
                                  int c0, int n, const clr_prologue *prologue);

/* Moments of so many channels: a part for each thread; they are added up in the order of threads. */
static inline size_t clr_part_bytes(int channels)
{
    return clr_aligned(2 * (size_t)channels * sizeof(double));
}

/* A thread's part, zeroed. */
static inline double *clr_part_begin(void *parts, int channels, int thread)
{
    return memset((char *)parts + (size_t)thread * clr_part_bytes(channels), 0, clr_part_bytes(channels));
}

/* moments (2 channels) = sum of all threads' parts, in the order of threads. */
static inline void clr_parts_add_up(const void *parts, int channels, int threads, double *moments)
{
    memset(moments, 0, 2 * (size_t)channels * sizeof *moments);
    for (int thread = 0; thread < threads; thread++) {
        const double *part = (const double *)((const char *)parts + (size_t)thread * clr_part_bytes(channels));
        for (int i = 0; i < 2 * channels; i++)
            moments[i] += part[i];
    }
}

#endif
