/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_IMPLICIT_H
#define CLR_IMPLICIT_H
/* Between implicit.c and its kernels, see there. */
#include "clr/conv.h"

enum { CLR_IMPLICIT_TAPS = 64, CLR_IMPLICIT_STRIDE = 4 };

typedef struct clr_implicit_kernel {
    int lanes;
    size_t (*workspace)(const clr_conv_problem *problem, clr_direction direction, int threads);
    void (*apply)(const clr_conv_problem *problem, clr_direction direction, const clr_conv_args *args);
} clr_implicit_kernel;

#endif
