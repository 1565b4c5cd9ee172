/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_NN_KERNEL_H
#define CLR_NN_KERNEL_H
/* The inner loops of the passes, over rows (rows, k) or one image; compiled for each instruction set and
   storage type. */
#include "clr/nn.h"

typedef struct clr_nn_kernel {
    void (*pool_mean)(const clr_stored *x, int pixels, int k, float *h);
    void (*pool_mean_backward)(const float *dh, int pixels, int k, clr_stored *dx);
    void (*pool_max)(const clr_pool *pool, int image, clr_stored *out);
    void (*pool_max_backward)(const clr_pool *pool, int image, const clr_stored *dout, clr_stored *dy,
                              const float *mean, double *sums);
    void (*store)(const float *from, int64_t n, clr_stored *to);
} clr_nn_kernel;

#endif
