/* SPDX-License-Identifier: BSD-3-Clause */
/* Problems, the table of solvers, and the passes over memory for what a solver does not fuse. */
#include "clr/conv.h"

#include "clr/isa.h"
#include "passes.h"
#include "solvers.h"

#include <omp.h>

#define DECLARE(name) extern const clr_conv_solver clr_conv_##name;
CLR_CONV_SOLVERS(DECLARE)
#define ENTRY(name) &clr_conv_##name,
const clr_conv_solver *const clr_conv_solvers[] = {CLR_CONV_SOLVERS(ENTRY) NULL};

CLR_STORED_DECLARE(clr_conv_pass, clr_conv_moments_pass);
CLR_STORED_DECLARE(clr_conv_pass, clr_conv_relu_backward_pass);
CLR_STORED_DECLARE(clr_conv_pass, clr_conv_bn_backward_pass);
CLR_STORED_DECLARE(clr_conv_pass, clr_conv_residual_add_pass);

clr_conv_problem clr_conv_problem_of(int n, int h, int w, int c, int k, int kernel, int stride, int pad)
{
    return (clr_conv_problem){.n = n,
                              .h = h,
                              .w = w,
                              .c = c,
                              .k = k,
                              .r = kernel,
                              .s = kernel,
                              .stride = stride,
                              .pad = pad,
                              .p = (h + 2 * pad - kernel) / stride + 1,
                              .q = (w + 2 * pad - kernel) / stride + 1,
                              .dtype = CLR_FP32};
}

double clr_conv_flops(const clr_conv_problem *a)
{
    return 2.0 * a->n * a->p * a->q * a->k * a->r * a->s * a->c;
}

size_t clr_conv_sums_bytes(int channels)
{
    return (size_t)omp_get_max_threads() * clr_part_bytes(channels);
}

size_t clr_conv_workspace(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction)
{
    size_t sums = solver->fuses || direction == CLR_BACKWARD_WEIGHT
                      ? 0
                      : clr_conv_sums_bytes(direction == CLR_FORWARD ? problem->k : problem->c);

    return clr_aligned(solver->workspace(problem, direction, omp_get_max_threads())) + sums;
}

/* Runs pass on each thread's share of n rows. parts: NULL, or room for sums, which become the moments. */
static void by_rows(clr_conv_pass *pass, const clr_conv_args *args, int64_t n, int channels, void *parts)
{
    int threads = omp_get_max_threads();

#pragma omp parallel num_threads(threads)
    {
        int thread = omp_get_thread_num();
        double *mine = parts ? clr_part_begin(parts, channels, thread) : NULL;
        pass(args, channels, clr_share(n, threads, thread), clr_share(n, threads, thread + 1), mine);
    }
    if (parts && args->moments)
        clr_parts_add_up(parts, channels, threads, args->moments);
}

void clr_conv_residual_add(clr_dtype dtype, const clr_conv_residual *residual, int64_t rows, int channels)
{
    by_rows(*CLR_STORED_PICK(clr_conv_residual_add_pass, dtype), &(clr_conv_args){.residual = *residual}, rows,
            channels, NULL);
}

void clr_conv_relu_backward(clr_dtype dtype, const clr_conv_args *args, int64_t rows, int channels)
{
    by_rows(*CLR_STORED_PICK(clr_conv_relu_backward_pass, dtype), args, rows, channels, args->workspace);
}

void clr_conv_apply(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction,
                    const clr_conv_args *args)
{
    clr_conv_args inner = *args;
    int64_t in_rows = (int64_t)args->images * problem->h * problem->w,
            out_rows = (int64_t)args->images * problem->p * problem->q;

    if (direction == CLR_FORWARD && args->residual.y && !(solver->adds_residual && solver->adds_residual(problem))) {
        clr_conv_residual_add(problem->dtype, &args->residual, in_rows, problem->c);
        inner.residual.y = NULL;
    }
    if (solver->fuses) {
        solver->apply(problem, direction, &inner);
        return;
    }
    if (direction == CLR_BACKWARD_WEIGHT && args->bn_backward.g)
        by_rows(*CLR_STORED_PICK(clr_conv_bn_backward_pass, problem->dtype), args, out_rows, problem->k, NULL);
    inner.moments = NULL;
    inner.relu_backward = false;
    inner.bn_backward.g = NULL;
    solver->apply(problem, direction, &inner);
    inner = *args;
    inner.workspace =
        (char *)args->workspace + clr_aligned(solver->workspace(problem, direction, omp_get_max_threads()));
    if (direction == CLR_FORWARD && args->moments)
        by_rows(*CLR_STORED_PICK(clr_conv_moments_pass, problem->dtype), args, out_rows, problem->k, inner.workspace);
    if (direction == CLR_BACKWARD_DATA && args->relu_backward)
        clr_conv_relu_backward(problem->dtype, &inner, in_rows, problem->c);
}

bool clr_conv_serves(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction)
{
    return solver->directions >> direction & 1 && solver->dtypes >> problem->dtype & 1 &&
           solver->applicable(problem, direction);
}

clr_status clr_conv_check_dtype(clr_dtype dtype)
{
    unsigned served = 0;

    for (const clr_conv_solver *const *solver = clr_conv_solvers; *solver; solver++)
        if ((*solver)->dtypes >> dtype & 1)
            served |= (*solver)->directions;
    if (served == (1 << CLR_DIRECTIONS) - 1)
        return CLR_OK;
    return clr_fail(CLR_EUSAGE,
                    "--dtype=%s: no convolution solver of this build serves it; leave it out, fp32 is the default",
                    clr_dtype_name(dtype));
}
