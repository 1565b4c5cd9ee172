/* SPDX-License-Identifier: BSD-3-Clause */
/* The plain solver: the definition, summed in double. y[n,p,q,k] = sum_{r,s,c} activated x[n, p stride + r - pad, q
   stride + s - pad, c] weight[r,s,c,k]; its transposes for the gradients. Serves every problem; every other solver is
   compared with it. */
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

static double apply_prologue(const clr_prologue *prologue, float x, int c)
{
    float activated = prologue->scale ? prologue->scale[c] * x + prologue->shift[c] : x;
    return prologue->relu && activated < 0 ? 0 : activated;
}

static void forward(const clr_conv_problem *a, const clr_conv_args *args)
{
    const float *all_x = args->x;
    float *y = args->y;

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
                            const float *x = all_x + (((int64_t)n * a->h + h) * a->w + w) * a->c;
                            const float *weight = args->weight + (int64_t)(r * a->s + s) * a->c * a->k + k;
                            for (int c = 0; c < a->c; c++)
                                sum += apply_prologue(&args->prologue, x[c], c) * weight[(int64_t)c * a->k];
                        }
                    y[(((int64_t)n * a->p + p) * a->q + q) * a->k + k] = (float)sum;
                }
}

static void backward_data(const clr_conv_problem *a, const clr_conv_args *args)
{
    const float *all_dy = args->dy;
    float *all_dx = args->dx;

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
                            const float *dy =
                                all_dy + (((int64_t)n * a->p + p / a->stride) * a->q + q / a->stride) * a->k;
                            const float *weight = args->weight + ((int64_t)(r * a->s + s) * a->c + c) * a->k;
                            for (int k = 0; k < a->k; k++)
                                sum += (double)dy[k] * weight[k];
                        }
                    float *dx = all_dx + (((int64_t)n * a->h + h) * a->w + w) * a->c + c;
                    *dx = (float)(args->accumulate ? *dx + sum : sum);
                }
}

static void backward_weight(const clr_conv_problem *a, const clr_conv_args *args)
{
    const float *x = args->x, *dy = args->dy;

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
                            sum +=
                                apply_prologue(&args->prologue, x[(((int64_t)n * a->h + h) * a->w + w) * a->c + c], c) *
                                dy[(((int64_t)n * a->p + p) * a->q + q) * a->k + k];
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
                                            .dtypes = 1 << CLR_FP32,
                                            .directions =
                                                1 << CLR_FORWARD | 1 << CLR_BACKWARD_DATA | 1 << CLR_BACKWARD_WEIGHT,
                                            .applicable = applicable,
                                            .estimate = estimate,
                                            .workspace = workspace,
                                            .apply = apply};
