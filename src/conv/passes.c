/* See moments.h for the sums. */
#include "passes.h"

#include "clr/isa.h"
#include "moments.h"

clr_conv_pass CLR_KERNEL(clr_conv_moments_pass), CLR_KERNEL(clr_conv_seen_pass);

void CLR_KERNEL(clr_conv_moments_pass)(const clr_conv_args *args, int channels, int64_t first, int64_t last, double *sums)
{
    clr_moments_rows(args->y + first * channels, last - first, channels, channels, sums, channels);
}

void CLR_KERNEL(clr_conv_seen_pass)(const clr_conv_args *args, int channels, int64_t first, int64_t last, double *sums)
{
    clr_seen_rows(args->dx + first * channels, args->x + first * channels, last - first, channels, &args->lens, args->mean,
                  args->moments ? sums : NULL, channels);
}
