/* SPDX-License-Identifier: BSD-3-Clause */
/* The plain solver: the definition, summed in double. y[n,p,q,k] = sum_{r,s,c} activated x[n, p stride + r - pad, q
   stride + s - pad, c] weight[r,s,c,k]; its transposes for the gradients. Serves every problem; every other solver is
   compared with it. With bf16 both factors of a product are rounded, and what is stored; sums are double all the
   same. */
#include "clr/conv.h"

#include <omp.h>
#include <string.h>

static bool applicable(const clr_conv_problem *a, clr_direction direction)
{
    (void)a, (void)direction;
    return true;
}

static double estimate(const clr_conv_problem *a, clr_direction direction, int threads)
{
    (void)direction;
    return clr_conv_flops(a) / (0.5e9 * threads);
}

static size_t workspace(const clr_conv_problem *a, clr_direction direction, int threads)
{
    (void)a, (void)direction, (void)threads;
    return 0;
}

static double value(const clr_conv_problem *a, const clr_stored *from, int64_t i)
{
    return a->dtype == CLR_BF16 ? clr_bf16_value(((const uint16_t *)from)[i]) : ((const float *)from)[i];
}

static void store(const clr_conv_problem *a, clr_stored *to, int64_t i, double x)
{
    if (a->dtype == CLR_BF16)
        ((uint16_t *)to)[i] = clr_bf16_of((float)x);
    else
        ((float *)to)[i] = (float)x;
}

/* A factor of a product. */
static double factor(const clr_conv_problem *a, float x)
{
    return a->dtype == CLR_BF16 ? clr_bf16_value(clr_bf16_of(x)) : x;
}

static double activated(const clr_conv_problem *a, const clr_conv_args *args, int64_t i)
{
    const clr_prologue *prologue = &args->prologue;
    int64_t c = i % a->c;
    float x = (float)value(a, args->x, i);

    if (!prologue->scale)
        return x;
    x = prologue->scale[c] * x + prologue->shift[c];
    return prologue->relu && x < 0 ? 0 : factor(a, x);
}

static void forward(const clr_conv_problem *a, const clr_conv_args *args)
{
#pragma omp parallel for schedule(static) collapse(2)
    for (int n = 0; n < args->images; n++)
        for (int p = 0; p < a->p; p++)
            for (int q = 0; q < a->q; q++)
                for (int k = 0; k < a->k; k++) {
                    double sum = 0;
                    for (int r = 0; r < a->r; r++)
                        for (int s = 0; s < a->s; s++) {
                            int h = p * a->stride + r - a->pad, w = q * a->stride + s - a->pad;
                            if (h < 0 || h >= a->h || w < 0 || w >= a->w)
                                continue;
                            int64_t x = (((int64_t)n * a->h + h) * a->w + w) * a->c;
                            const float *weight = args->weight + (int64_t)(r * a->s + s) * a->c * a->k + k;
                            for (int c = 0; c < a->c; c++)
                                sum += activated(a, args, x + c) * factor(a, weight[(int64_t)c * a->k]);
                        }
                    store(a, args->y, (((int64_t)n * a->p + p) * a->q + q) * a->k + k, sum);
                }
}

static void backward_data(const clr_conv_problem *a, const clr_conv_args *args)
{
#pragma omp parallel for schedule(static) collapse(2)
    for (int n = 0; n < args->images; n++)
        for (int h = 0; h < a->h; h++)
            for (int w = 0; w < a->w; w++)
                for (int c = 0; c < a->c; c++) {
                    double sum = 0;
                    for (int r = 0; r < a->r; r++)
                        for (int s = 0; s < a->s; s++) {
                            int p = h + a->pad - r, q = w + a->pad - s;
                            if (p < 0 || q < 0 || p % a->stride || q % a->stride || p / a->stride >= a->p ||
                                q / a->stride >= a->q)
                                continue;
                            int64_t dy = (((int64_t)n * a->p + p / a->stride) * a->q + q / a->stride) * a->k;
                            const float *weight = args->weight + ((int64_t)(r * a->s + s) * a->c + c) * a->k;
                            for (int k = 0; k < a->k; k++)
                                sum += value(a, args->dy, dy + k) * factor(a, weight[k]);
                        }
                    int64_t dx = (((int64_t)n * a->h + h) * a->w + w) * a->c + c;
                    store(a, args->dx, dx, args->accumulate ? value(a, args->dx, dx) + sum : sum);
                }
}

static void backward_weight(const clr_conv_problem *a, const clr_conv_args *args)
{
#pragma omp parallel for schedule(static)
    for (int row = 0; row < a->r * a->s * a->c; row++) {
        int c = row % a->c, s = row / a->c % a->s, r = row / a->c / a->s;
        for (int k = 0; k < a->k; k++) {
            double sum = 0;
            for (int n = 0; n < args->images; n++)
                for (int p = 0; p < a->p; p++) {
                    int h = p * a->stride + r - a->pad;
                    for (int q = 0; q < a->q && h >= 0 && h < a->h; q++) {
                        int w = q * a->stride + s - a->pad;
                        if (w >= 0 && w < a->w)
                            sum += activated(a, args, (((int64_t)n * a->h + h) * a->w + w) * a->c + c) *
                                   value(a, args->dy, (((int64_t)n * a->p + p) * a->q + q) * a->k + k);
                    }
                }
            float *dw = args->dw + (int64_t)row * a->k + k;
            *dw = (float)(args->accumulate ? *dw + sum : sum);
        }
    }
}

static void apply(const clr_conv_problem *problem, clr_direction direction, const clr_conv_args *args)
{
    if (direction == CLR_FORWARD)
        forward(problem, args);
    else if (direction == CLR_BACKWARD_DATA)
        backward_data(problem, args);
    else
        backward_weight(problem, args);
}

const clr_conv_solver clr_conv_reference = {.name = "reference",
                                            .help = "the definition, in double precision; slow",
                                            .dtypes = 1 << CLR_FP32 | 1 << CLR_BF16,
                                            .directions =
                                                1 << CLR_FORWARD | 1 << CLR_BACKWARD_DATA | 1 << CLR_BACKWARD_WEIGHT,
                                            .applicable = applicable,
                                            .estimate = estimate,
                                            .workspace = workspace,
                                            .apply = apply};
