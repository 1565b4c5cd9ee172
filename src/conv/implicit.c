/* SPDX-License-Identifier: BSD-3-Clause */
/* Implicit GEMM: any kernel size, stride and padding, all directions. The mathematics and the cutting of the work
   stand in implicit_kernel.c, and for the gradient of the weight in implicit_weight_kernel.c. */
#include "implicit.h"

#include "clr/isa.h"

CLR_STORED_DECLARE(const clr_implicit_kernel, clr_implicit_kernel);
CLR_STORED_DECLARE(const clr_implicit_kernel, clr_implicit_weight_kernel);

static const clr_implicit_kernel *kernel(const clr_conv_problem *a, clr_direction direction)
{
    return direction == CLR_BACKWARD_WEIGHT ? CLR_STORED_PICK(clr_implicit_weight_kernel, a->dtype)
                                            : CLR_STORED_PICK(clr_implicit_kernel, a->dtype);
}

static bool applicable(const clr_conv_problem *a, clr_direction direction)
{
    (void)direction;
    return a->r * a->s <= CLR_IMPLICIT_TAPS && a->stride <= CLR_IMPLICIT_STRIDE;
}

/* Share of the lanes that do useful work times a rate typical of the instruction set; less for the gradient of the
   weight, and with small vectors (and the small caches that go with them) far less for that of a 1x1 kernel, whose rows
   of x lie a power of two apart and are passed where they lie. */
static double estimate(const clr_conv_problem *a, clr_direction direction, int threads)
{
    int lanes = kernel(a, direction)->lanes, outputs = direction == CLR_BACKWARD_DATA ? a->c : a->k;
    double used = (double)outputs / ((outputs + lanes - 1) / lanes * lanes);
    double ease = direction != CLR_BACKWARD_WEIGHT ? 1 : a->r * a->s == 1 && lanes < 16 ? 0.65 : 0.9;
    double rate = (lanes >= 16 ? 95e9 : lanes >= 8 ? 80e9 : 30e9) * used * ease;

    return clr_conv_flops(a) / (rate * threads) + 1e-6;
}

static bool adds_residual(const clr_conv_problem *a)
{
    return a->r == 1 && a->s == 1 && a->stride == 1 && a->pad == 0;
}

static size_t workspace(const clr_conv_problem *a, clr_direction direction, int threads)
{
    return kernel(a, direction)->workspace(a, direction, threads);
}

static void apply(const clr_conv_problem *a, clr_direction direction, const clr_conv_args *args)
{
    kernel(a, direction)->apply(a, direction, args);
}

const clr_conv_solver clr_conv_implicit = {.name = "implicit",
                                           .help = "implicit GEMM on staged rows; serves every problem",
                                           .dtypes = 1 << CLR_FP32 | 1 << CLR_BF16,
                                           .directions =
                                               1 << CLR_FORWARD | 1 << CLR_BACKWARD_DATA | 1 << CLR_BACKWARD_WEIGHT,
                                           .fuses = true,
                                           .adds_residual = adds_residual,
                                           .applicable = applicable,
                                           .estimate = estimate,
                                           .workspace = workspace,
                                           .apply = apply};
