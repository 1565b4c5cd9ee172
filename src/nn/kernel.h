#ifndef CLR_NN_KERNEL_H
#define CLR_NN_KERNEL_H
/* The inner loops of the passes, over rows first .. last-1 of (rows, k); compiled for each instruction set. */
#include "clr/nn.h"

typedef struct clr_nn_kernel {
    void (*see)(const float *y, const clr_lens *lens, int64_t rows, int k, float *out);
    void (*join)(const clr_conv_join *join, int64_t first, int64_t last, int k);
    void (*seen_backward)(float *g, const float *x, const clr_lens *lens, const float *y, const float *mean, int64_t rows, int k, double *sums);
    void (*pool_mean)(const float *x, int pixels, int k, float *h);
    void (*pool_mean_backward)(const float *dh, int pixels, int k, float *dx);
    void (*pool_max)(const float *y, const clr_lens *lens, int h, int w, int k, float *out);
    void (*pool_max_backward)(const float *y, const clr_lens *lens, const float *dout, int h, int w, int k, float *dy, const float *mean,
                              double *sums);
} clr_nn_kernel;

#endif
