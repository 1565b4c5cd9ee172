#ifndef CLR_PASSES_H
#define CLR_PASSES_H
/* Passes for solvers that work on whole blocks of rows, and for the seam where a solver does not fuse them itself. */
#include "clr/conv.h"
#include "clr/mem.h"

#include <string.h>

/* Moments, or mask and moments, of rows first .. last-1 of an output, see moments.h; or, without sums, their turn or
   the join of an input (turn.h, join.h). */
typedef void clr_conv_pass(const clr_conv_args *args, int channels, int64_t first, int64_t last, double *sums);

/* `pixels` pixels, channels c0 .. c0+n-1 of each, `from_ld` floats apart, through the lens into to, `to_ld` apart. */
typedef void clr_conv_prologue_fn(float *to, int64_t to_ld, const float *from, int64_t from_ld, int pixels, int c0,
                                  int n, const clr_prologue *prologue);

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
