/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a member takes, and how far it is from the reference, on random numbers of a problem's own size. */
#include "clr/conv.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <math.h>
#include <string.h>

enum { TRIALS = 3 };
static const double CHECKED_FLOPS = 1e9; /* what the reference computes in a second or two */

/* Bytes of n floats: enough for n elements of any storage type. */
static size_t floats(int64_t n)
{
    return (size_t)n * sizeof(float);
}

/* Numbers from -0.5 to 0.5 that look random, from their places: a stream for each of `salt`. */
static void fill(clr_dtype dtype, clr_stored *to, int64_t n, uint64_t salt)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = ((uint64_t)i + salt * 0x9E3779B97F4A7C15u) * 0xBF58476D1CE4E5B9u; /* SplitMix64, half of it */
        bits = (bits ^ bits >> 29) * 0x94D049BB133111EBu;
        float value = (float)(bits >> 40) * 0x1p-24f - 0.5f;
        if (dtype == CLR_BF16)
            ((uint16_t *)to)[i] = clr_bf16_of(value);
        else
            ((float *)to)[i] = value;
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

/* One problem's tensors and arguments. out: the result of the direction, of `result` floats. */
typedef struct trial {
    clr_arena arena;
    clr_conv_args args;
    float *out, *want; /* want: the reference's result, where the error is asked for */
    void *reference_workspace;
    int64_t result;
} trial;

static const clr_conv_solver *reference_solver(void)
{
    int i = 0;

    while (clr_conv_solvers[i + 1])
        i++;
    return clr_conv_solvers[i];
}

static void *filled(const clr_arena *arena, size_t at, clr_dtype dtype, int64_t n, uint64_t salt)
{
    void *to = clr_arena_at(arena, at);

    fill(dtype, to, n, salt);
    return to;
}

static float *ones(const clr_arena *arena, size_t at, int64_t n)
{
    float *to = clr_arena_at(arena, at);

    for (int64_t i = 0; i < n; i++)
        to[i] = 1;
    return to;
}

static void open_trial(trial *t, const clr_conv_solver *solver, const clr_conv_problem *a, clr_direction direction,
                       bool check)
{
    int64_t x = (int64_t)a->n * a->h * a->w * a->c, y = (int64_t)a->n * a->p * a->q * a->k,
            w = (int64_t)a->r * a->s * a->c * a->k;
    bool weight = direction == CLR_BACKWARD_WEIGHT;
    clr_arena *arena = &t->arena;

    t->result = direction == CLR_FORWARD ? y : direction == CLR_BACKWARD_DATA ? x : w;
    size_t at_x = clr_arena_reserve(arena, floats(x)), at_y = clr_arena_reserve(arena, floats(y)),
           at_w = clr_arena_reserve(arena, floats(w)), at_prologue = clr_arena_reserve(arena, floats(2 * a->c)),
           at_g = clr_arena_reserve(arena, weight ? floats(y) : 0),
           at_bn_backward = clr_arena_reserve(arena, floats(2 * a->k)),
           at_moments = clr_arena_reserve(arena, 2 * (size_t)(a->c + a->k) * sizeof(double)),
           at_out = clr_arena_reserve(arena, floats(t->result)),
           at_want = clr_arena_reserve(arena, check ? floats(t->result) : 0),
           at_work = clr_arena_reserve(arena, clr_conv_workspace(solver, a, direction)),
           at_other = clr_arena_reserve(arena, check ? clr_conv_workspace(reference_solver(), a, direction) : 0);
    clr_arena_open(arena);
    float *scale = ones(arena, at_prologue, a->c);
    clr_stored *in_y = filled(arena, at_y, a->dtype, y, 2);
    t->out = clr_arena_at(arena, at_out);
    t->want = clr_arena_at(arena, at_want);
    t->reference_workspace = clr_arena_at(arena, at_other);
    t->args = (clr_conv_args){.images = a->n,
                              .x = filled(arena, at_x, a->dtype, x, 1),
                              .prologue = {scale, scale + a->c, true},
                              .weight = filled(arena, at_w, CLR_FP32, w, 3),
                              .y = weight ? in_y : t->out,
                              .dy = in_y,
                              .dx = t->out,
                              .dw = t->out,
                              .relu_backward = direction == CLR_BACKWARD_DATA,
                              .mean = scale,
                              .moments = weight ? NULL : clr_arena_at(arena, at_moments),
                              .workspace = clr_arena_at(arena, at_work)};
    if (weight) { /* batch norm's backward with coefficients 1, 0, 0: dy = g */
        float *one = ones(arena, at_bn_backward, a->k);
        t->args.bn_backward =
            (clr_conv_bn_backward){filled(arena, at_g, a->dtype, y, 4), one, one + a->k, one + a->k, one + a->k};
    }
}

/* The relative L2 distance of the solver's result from the reference's, on as many images as that computes in a second
   or two. */
static double error_of(trial *t, const clr_conv_solver *solver, const clr_conv_problem *a, clr_direction direction)
{
    double images = CHECKED_FLOPS / (clr_conv_flops(a) / a->n);
    int64_t compared = t->result;

    t->args.images = images < 1 ? 1 : images > a->n ? a->n : (int)images;
    if (direction != CLR_BACKWARD_WEIGHT)
        compared = t->result / a->n * t->args.images;
    clr_conv_apply(solver, a, direction, &t->args);
    t->args.workspace = t->reference_workspace;
    t->args.y = direction == CLR_BACKWARD_WEIGHT ? t->args.y : t->want;
    t->args.dx = t->args.dw = t->want;
    t->args.bn_backward.g = NULL; /* the solver has written dy already */
    clr_conv_apply(reference_solver(), a, direction, &t->args);
    return distance(t->out, t->want, compared);
}

double clr_conv_time(const clr_conv_solver *solver, const clr_conv_problem *a, clr_direction direction, double *error)
{
    trial t = {.result = 0};
    double best = 1e30;

    open_trial(&t, solver, a, direction, error);
    for (int i = 0; i <= TRIALS; i++) {
        double begin = clr_seconds();
        clr_alive();
        clr_conv_apply(solver, a, direction, &t.args);
        double seconds = clr_seconds() - begin;
        if (i && seconds < best)
            best = seconds;
    }
    if (error)
        *error = error_of(&t, solver, a, direction);
    clr_arena_close(&t.arena);
    return best;
}
