/* See moments.h for the sums. */
#include "passes.h"

#include "clr/isa.h"
#include "join.h"
#include "moments.h"
#include "stage.h"
#include "turn.h"

clr_conv_pass CLR_KERNEL(clr_conv_moments_pass), CLR_KERNEL(clr_conv_seen_pass), CLR_KERNEL(clr_conv_turn_pass),
    CLR_KERNEL(clr_conv_join_pass);
clr_conv_look CLR_KERNEL(clr_conv_look_pass);

void CLR_KERNEL(clr_conv_moments_pass)(const clr_conv_args *args, int channels, int64_t first, int64_t last,
                                       double *sums)
{
    clr_moments_rows(args->y + first * channels, last - first, channels, channels, sums, channels);
}

void CLR_KERNEL(clr_conv_seen_pass)(const clr_conv_args *args, int channels, int64_t first, int64_t last, double *sums)
{
    const float *about = args->about ? args->about : args->x;

    clr_seen_rows(args->dx + first * channels, args->x + first * channels, about + first * channels, last - first,
                  channels, &args->lens, args->mean, args->moments ? sums : NULL, channels);
}

void CLR_KERNEL(clr_conv_turn_pass)(const clr_conv_args *args, int channels, int64_t first, int64_t last, double *sums)
{
    (void)sums;
    clr_turn_rows(&args->turn, first, last, channels, args->y);
}

void CLR_KERNEL(clr_conv_join_pass)(const clr_conv_args *args, int channels, int64_t first, int64_t last, double *sums)
{
    (void)sums;
    clr_join_rows(&args->join, first, last, channels, NULL, clr_join_goes_past(&args->join, last - first, channels));
}

void CLR_KERNEL(clr_conv_look_pass)(float *to, int64_t to_ld, const float *from, int64_t from_ld, int pixels, int c0,
                                    int n, const clr_lens *lens)
{
    see_pixels(to, to_ld, from, from_ld, pixels, c0, n, lens);
}
