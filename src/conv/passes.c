/* SPDX-License-Identifier: BSD-3-Clause */
/* See moments.h for the sums. */
#include "passes.h"

#include "residual.h"
#include "moments.h"
#include "stage.h"
#include "bn_backward.h"

clr_conv_pass CLR_STORED_KERNEL(clr_conv_moments_pass), CLR_STORED_KERNEL(clr_conv_relu_backward_pass),
    CLR_STORED_KERNEL(clr_conv_bn_backward_pass), CLR_STORED_KERNEL(clr_conv_residual_add_pass);
clr_conv_prologue_fn CLR_STORED_KERNEL(clr_conv_prologue_pass);

void CLR_STORED_KERNEL(clr_conv_moments_pass)(const clr_conv_args *args, int channels, int64_t first, int64_t last,
                                              double *sums)
{
    clr_moments_rows((const clr_element *)args->y + first * channels, last - first, channels, channels, sums, channels);
}

void CLR_STORED_KERNEL(clr_conv_relu_backward_pass)(const clr_conv_args *args, int channels, int64_t first,
                                                    int64_t last, double *sums)
{
    const clr_element *x = args->x, *bn_input = args->bn_input ? args->bn_input : x;
    clr_element *dx = args->dx;

    clr_relu_backward_rows(dx + first * channels, x + first * channels, bn_input + first * channels, last - first,
                           channels, &args->prologue, args->mean, args->moments ? sums : NULL, channels);
}

void CLR_STORED_KERNEL(clr_conv_bn_backward_pass)(const clr_conv_args *args, int channels, int64_t first, int64_t last,
                                                  double *sums)
{
    (void)sums;
    clr_bn_backward_rows(&args->bn_backward, first, last, channels, args->y);
}

void CLR_STORED_KERNEL(clr_conv_residual_add_pass)(const clr_conv_args *args, int channels, int64_t first, int64_t last,
                                                   double *sums)
{
    (void)sums;
    clr_residual_add_rows(&args->residual, first, last, channels, NULL,
                          clr_residual_add_streams(&args->residual, last - first, channels));
}

void CLR_STORED_KERNEL(clr_conv_prologue_pass)(clr_stored *to, int64_t to_ld, const clr_stored *from, int64_t from_ld,
                                               int pixels, int c0, int n, const clr_prologue *prologue)
{
    stage_pixels(to, to_ld, from, from_ld, pixels, c0, n, prologue);
}
