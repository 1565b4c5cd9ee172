/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_NN_H
#define CLR_NN_H
/* Batch norm, and the passes over activations between convolutions: pools, prologues applied by themselves. Rows are
   pixels (n, k). Passes run on all OpenMP threads, rows split by index; sums are double, one part a thread, added in
   the order of threads, so that the same number of threads gives the same bits. Local, except where said. */

#include "clr/comm.h"
#include "clr/conv.h"
#include "clr/mem.h"
#include "clr/params.h"

/* Batch norm over k channels: y -> gamma (y - mean) / sqrt(var + eps) + beta. Forward leaves scale and shift, which
   readers of y apply as their prologue, and mean and rstd for backward. */
typedef struct clr_batch_norm {
    int k;
    int gamma, beta; /* entries of params->weights; beta < 0: fixed, then fixed_beta is its entry in params->states */
    int fixed_beta, running_mean, running_var; /* entries of params->states */
    float *scale, *shift, *mean, *rstd;        /* k each; rstd: 1 / sqrt(var + eps) */
    float *a, *b, *c;                          /* of backward: see clr_conv_bn_backward */
    double *sums;                              /* 2k: of forward sum y, sum y^2; of backward sum g, sum g (y - mean) */
} clr_batch_norm;

#define CLR_BATCH_NORM_EPS 1e-5
#define CLR_BATCH_NORM_MOMENTUM 0.1

/* Local. _place reserves what a norm of k channels points to, offset: two places in the arena; _open sets the
   pointers once the arena has memory. _prologue: what readers of y apply. */
void clr_batch_norm_place(clr_batch_norm *norm, int k, clr_arena *arena, size_t offset[2]);
void clr_batch_norm_open(clr_batch_norm *norm, const clr_arena *arena, const size_t offset[2]);
clr_prologue clr_batch_norm_prologue(const clr_batch_norm *norm, bool relu);

/* Collective where comm is not NULL. sums of this rank -> statistics over all ranks -> scale and shift. rows: of all
   ranks that take part (of this one where comm is NULL). update: running statistics move (unbiased variance). Returns
   the seconds of communication. */
double clr_batch_norm_forward(clr_batch_norm *norm, clr_comm *comm, clr_params *params, double rows, bool update);
void clr_batch_norm_infer(clr_batch_norm *norm, const clr_params *params); /* from running statistics */

/* Collective as above. sums of this rank: sum g, sum g (y - mean), g the gradient of the norm's output. Writes (or
   adds to) this rank's dgamma and dbeta, and a, b, c from the sums of all ranks:
     dy = scale (g - sum g / rows - (y - mean) rstd^2 sum(g (y - mean)) / rows). */
double clr_batch_norm_backward(clr_batch_norm *norm, clr_comm *comm, clr_params *params, double rows, bool accumulate);
/* Local. For the convolution that computes dy from y and g, the gradient of the norm's output (clr/conv.h). */
clr_conv_bn_backward clr_batch_norm_input_gradient(const clr_batch_norm *norm, const clr_stored *g);

/* out = relu(scale y + shift), as the prologue says; y, out: (rows, k). */
void clr_prologue_apply(const float *y, const clr_prologue *prologue, int64_t rows, int k, float *out);

/* to (n, row), of a storage type, from floats, rounded. */
void clr_store_rows(clr_dtype dtype, const float *from, int n, int64_t row, clr_stored *to);

/* h (n, k) = mean over the pixels of x (n, pixels, k), of a storage type; and back. */
void clr_pool_mean(clr_dtype dtype, const clr_stored *x, int n, int pixels, int k, float *h);
void clr_pool_mean_backward(clr_dtype dtype, const float *dh, int n, int pixels, int k, clr_stored *dx);

/* Max-pool, 3x3, stride 2, one pixel of border, which is never chosen: out (n, p, q, k) = maximum of the activated y
   (n, h, w, k), p = (h + 1) / 2. Of equal values the first counts. backward: dy is overwritten with the gradient of the
   activated y, masked by its ReLU; norm->sums are filled; workspace: clr_conv_sums_bytes(k) bytes. */
typedef struct clr_pool {
    const clr_stored *y;
    clr_prologue prologue;
    int n, h, w, k;
    clr_dtype dtype; /* of y, out and their gradients */
} clr_pool;

/* Local. Both read a pool as above. */
void clr_pool_max(const clr_pool *pool, clr_stored *out);
void clr_pool_max_backward(const clr_pool *pool, const clr_stored *dout, clr_stored *dy, clr_batch_norm *norm,
                           void *workspace);

#endif
