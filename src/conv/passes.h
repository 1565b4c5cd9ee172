#ifndef CLR_PASSES_H
#define CLR_PASSES_H
/* The seam's own passes over rows first .. last-1 of an output, for solvers that do not gather moments themselves. */
#include "clr/conv.h"

typedef void clr_conv_pass(const clr_conv_args *args, int channels, int64_t first, int64_t last, double *sums);

#endif
