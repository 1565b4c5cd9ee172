/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a member takes, and how far it is from the reference, on random numbers of a problem's own size. */
#include "clr/conv.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <math.h>
#include <string.h>

enum { TRIALS = 3 };
static const double CHECKED_FLOPS = 1e9; /* what the reference computes in a second or two */

static size_t floats(int64_t n)
{
    return (size_t)n * sizeof(float);
}

/* Numbers from -0.5 to 0.5 that look random, from their places: a stream for each of `salt`. */
static void fill(float *to, int64_t n, uint64_t salt)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = ((uint64_t)i + salt * 0x9E3779B97F4A7C15u) * 0xBF58476D1CE4E5B9u; /* SplitMix64, half of it */
        bits = (bits ^ bits >> 29) * 0x94D049BB133111EBu;
        to[i] = (float)(bits >> 40) * 0x1p-24f - 0.5f;
    }
}

static double distance(const float *got, const float *want, int64_t n)
{
    double difference = 0, size = 0;

    for (int64_t i = 0; i < n; i++) {
        difference += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        size += (double)want[i] * want[i];
    }
    return size > 0 ? sqrt(difference / size) : sqrt(difference);
}

double clr_conv_time(const clr_conv_solver *solver, const clr_conv_problem *a, clr_direction direction, double *error)
{
    int64_t x = (int64_t)a->n * a->h * a->w * a->c, y = (int64_t)a->n * a->p * a->q * a->k,
            w = (int64_t)a->r * a->s * a->c * a->k;
    int64_t result = direction == CLR_FORWARD ? y : direction == CLR_BACKWARD_DATA ? x : w;
    const clr_conv_solver *reference = NULL;
    clr_arena arena = {0};
    size_t at_x = clr_arena_reserve(&arena, floats(x)), at_y = clr_arena_reserve(&arena, floats(y)),
           at_w = clr_arena_reserve(&arena, floats(w)), at_prologue = clr_arena_reserve(&arena, floats(2 * a->c)),
           at_g = clr_arena_reserve(&arena, direction == CLR_BACKWARD_WEIGHT ? floats(y) : 0),
           at_bn_backward = clr_arena_reserve(&arena, floats(2 * a->k)),
           at_moments = clr_arena_reserve(&arena, 2 * (size_t)(a->c + a->k) * sizeof(double)),
           at_out = clr_arena_reserve(&arena, floats(result)),
           at_want = clr_arena_reserve(&arena, error ? floats(result) : 0),
           at_work = clr_arena_reserve(&arena, clr_conv_workspace(solver, a, direction)), at_other = 0;
    double best = 1e30;

    for (int i = 0; clr_conv_solvers[i]; i++)
        reference = clr_conv_solvers[i];
    if (error)
        at_other = clr_arena_reserve(&arena, clr_conv_workspace(reference, a, direction));
    clr_arena_open(&arena);
    float *prologue = clr_arena_at(&arena, at_prologue), *out = clr_arena_at(&arena, at_out),
          *in_x = clr_arena_at(&arena, at_x), *in_y = clr_arena_at(&arena, at_y), *in_w = clr_arena_at(&arena, at_w),
          *bn_backward = clr_arena_at(&arena, at_bn_backward);
    fill(in_x, x, 1);
    fill(in_y, y, 2);
    fill(in_w, w, 3);
    for (int i = 0; i < a->c; i++)
        prologue[i] = 1;
    for (int i = 0; i < a->k; i++)
        bn_backward[i] = 1;
    clr_conv_args args = {.images = a->n,
                          .x = in_x,
                          .prologue = {prologue, prologue + a->c, true},
                          .weight = in_w,
                          .y = out,
                          .dy = in_y,
                          .dx = out,
                          .dw = out,
                          .relu_backward = direction == CLR_BACKWARD_DATA,
                          .mean = prologue,
                          .moments = direction == CLR_BACKWARD_WEIGHT ? NULL : clr_arena_at(&arena, at_moments),
                          .workspace = clr_arena_at(&arena, at_work)};
    if (direction == CLR_BACKWARD_WEIGHT) {
        float *g = clr_arena_at(&arena, at_g);
        fill(g, y, 4);
        args.y = in_y;
        args.bn_backward = (clr_conv_bn_backward){g, bn_backward, bn_backward + a->k, bn_backward + a->k,
                                                  bn_backward + a->k}; /* dy = g */
    }
    for (int trial = 0; trial <= TRIALS; trial++) {
        double begin = clr_seconds();
        clr_alive();
        clr_conv_apply(solver, a, direction, &args);
        double seconds = clr_seconds() - begin;
        if (trial && seconds < best)
            best = seconds;
    }
    if (error) {
        double images = CHECKED_FLOPS / (clr_conv_flops(a) / a->n);
        args.images = images < 1 ? 1 : images > a->n ? a->n : (int)images;
        clr_conv_apply(solver, a, direction, &args);
        args.workspace = clr_arena_at(&arena, at_other);
        args.y = args.dx = args.dw = clr_arena_at(&arena, at_want);
        args.bn_backward.g = NULL; /* dy is there now */
        clr_conv_apply(reference, a, direction, &args);
        *error = distance(out, args.y, direction == CLR_BACKWARD_WEIGHT ? w : result / a->n * args.images);
    }
    clr_arena_close(&arena);
    return best;
}
