/* SPDX-License-Identifier: BSD-3-Clause */
/* Batch norm (Ioffe and Szegedy 2015) as coefficients. With M rows of all ranks,

     mean = sum y / M,  var = sum y^2 / M - mean^2   (double, from sums relative to a pivot: src/conv/moments.h),
     scale = gamma / sqrt(var + eps),  shift = beta - mean scale,

   and backward, g the gradient of the output: dbeta = sum g, dgamma = sum g (y - mean) / sqrt(var + eps), and dy as in
   nn.h. One message of 2k doubles a layer and direction. */
#include "clr/nn.h"

#include "clr/mem.h"

#include <math.h>

void clr_batch_norm_place(clr_batch_norm *norm, int k, clr_arena *arena, size_t offset[2])
{
    norm->k = k;
    offset[0] = clr_arena_reserve(arena, 7 * (size_t)k * sizeof(float));
    offset[1] = clr_arena_reserve(arena, 2 * (size_t)k * sizeof(double));
}

void clr_batch_norm_open(clr_batch_norm *norm, const clr_arena *arena, const size_t offset[2])
{
    float *at = clr_arena_at(arena, offset[0]),
          **each[] = {&norm->scale, &norm->shift, &norm->mean, &norm->rstd, &norm->a, &norm->b, &norm->c};

    for (size_t i = 0; i < CLR_COUNT(each); i++, at += norm->k)
        *each[i] = at;
    norm->sums = clr_arena_at(arena, offset[1]);
}

clr_prologue clr_batch_norm_prologue(const clr_batch_norm *norm, bool relu)
{
    return (clr_prologue){norm->scale, norm->shift, relu};
}

clr_conv_bn_backward clr_batch_norm_input_gradient(const clr_batch_norm *norm, const clr_stored *g)
{
    return (clr_conv_bn_backward){g, norm->a, norm->b, norm->c, norm->mean};
}

static const float *beta(const clr_batch_norm *norm, const clr_params *params)
{
    return norm->beta >= 0 ? clr_params_value(params, norm->beta) : clr_params_state(params, norm->fixed_beta);
}

static double add_ranks(clr_batch_norm *norm, clr_comm *comm)
{
    if (!comm || clr_comm_size(comm) == 1)
        return 0;
    double begin = clr_seconds();
    clr_comm_allreduce_sum_double(comm, norm->sums, 2 * norm->k);
    return clr_seconds() - begin;
}

double clr_batch_norm_forward(clr_batch_norm *norm, clr_comm *comm, clr_params *params, double rows, bool update)
{
    const float *gamma = clr_params_value(params, norm->gamma), *offset = beta(norm, params);
    float *running_mean = clr_params_state(params, norm->running_mean),
          *running_var = clr_params_state(params, norm->running_var);
    double seconds = add_ranks(norm, comm);

    for (int i = 0; i < norm->k; i++) {
        double mean = norm->sums[i] / rows, var = norm->sums[norm->k + i] / rows - mean * mean;
        if (var < 0)
            var = 0;
        double rstd = 1 / sqrt(var + CLR_BATCH_NORM_EPS);
        norm->mean[i] = (float)mean;
        norm->rstd[i] = (float)rstd;
        norm->scale[i] = (float)(gamma[i] * rstd);
        norm->shift[i] = (float)(offset[i] - mean * gamma[i] * rstd);
        if (update) {
            double unbiased = rows > 1 ? var * rows / (rows - 1) : var;
            running_mean[i] += (float)(CLR_BATCH_NORM_MOMENTUM * (mean - running_mean[i]));
            running_var[i] += (float)(CLR_BATCH_NORM_MOMENTUM * (unbiased - running_var[i]));
        }
    }
    return seconds;
}

void clr_batch_norm_infer(clr_batch_norm *norm, const clr_params *params)
{
    const float *gamma = clr_params_value(params, norm->gamma), *offset = beta(norm, params);
    const float *mean = clr_params_state(params, norm->running_mean),
                *var = clr_params_state(params, norm->running_var);

    for (int i = 0; i < norm->k; i++) {
        double rstd = 1 / sqrt(var[i] + CLR_BATCH_NORM_EPS);
        norm->mean[i] = mean[i];
        norm->rstd[i] = (float)rstd;
        norm->scale[i] = (float)(gamma[i] * rstd);
        norm->shift[i] = (float)(offset[i] - (double)mean[i] * gamma[i] * rstd);
    }
}

double clr_batch_norm_backward(clr_batch_norm *norm, clr_comm *comm, clr_params *params, double rows, bool accumulate)
{
    float *dgamma = clr_params_grad(params, norm->gamma),
          *dbeta = norm->beta >= 0 ? clr_params_grad(params, norm->beta) : NULL;

    for (int i = 0; i < norm->k; i++) {
        dgamma[i] = (accumulate ? dgamma[i] : 0) + (float)(norm->rstd[i] * norm->sums[norm->k + i]);
        if (dbeta)
            dbeta[i] = (accumulate ? dbeta[i] : 0) + (float)norm->sums[i];
    }
    double seconds = add_ranks(norm, comm);
    for (int i = 0; i < norm->k; i++) {
        double slope = (double)norm->rstd[i] * norm->rstd[i] * norm->sums[norm->k + i] / rows;
        norm->a[i] = norm->scale[i];
        norm->b[i] = (float)(-norm->scale[i] * slope);
        norm->c[i] = (float)(-norm->scale[i] * norm->sums[i] / rows);
    }
    return seconds;
}
