#ifndef CLR_PASSES_H
#define CLR_PASSES_H
/* Passes for solvers that work on whole blocks of rows, and for the seam where a solver does not fuse them itself. */
#include "clr/conv.h"

/* Moments, or mask and moments, of rows first .. last-1 of an output, see moments.h; or, without sums, their turn or the join of an
   input (turn.h, join.h). */
typedef void clr_conv_pass(const clr_conv_args *args, int channels, int64_t first, int64_t last, double *sums);

/* `pixels` pixels, channels c0 .. c0+n-1 of each, `from_ld` floats apart, through the lens into to, `to_ld` apart. */
typedef void clr_conv_look(float *to, int64_t to_ld, const float *from, int64_t from_ld, int pixels, int c0, int n, const clr_lens *lens);

#endif
