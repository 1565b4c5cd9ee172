/* The seam: problems, the table of solvers, and the passes that a solver leaves to it. */
#include "clr/conv.h"

#include "clr/isa.h"
#include "clr/mem.h"
#include "passes.h"
#include "solvers.h"

#include <omp.h>
#include <string.h>

#define DECLARE(name) extern const clr_conv_solver clr_conv_##name;
CLR_CONV_SOLVERS(DECLARE)
#define ENTRY(name) &clr_conv_##name,
const clr_conv_solver *const clr_conv_solvers[] = {CLR_CONV_SOLVERS(ENTRY) NULL};

CLR_KERNEL_DECLARE(clr_conv_pass, clr_conv_moments_pass);
CLR_KERNEL_DECLARE(clr_conv_pass, clr_conv_seen_pass);
CLR_KERNEL_DECLARE(clr_conv_pass, clr_conv_turn_pass);
CLR_KERNEL_DECLARE(clr_conv_pass, clr_conv_join_pass);

clr_conv_problem clr_conv_problem_of(int n, int h, int w, int c, int k, int kernel, int stride, int pad)
{
    return (clr_conv_problem){.n = n, .h = h, .w = w, .c = c, .k = k, .r = kernel, .s = kernel, .stride = stride, .pad = pad,
                              .p = (h + 2 * pad - kernel) / stride + 1, .q = (w + 2 * pad - kernel) / stride + 1,
                              .dtype = CLR_FP32};
}

double clr_conv_flops(const clr_conv_problem *a)
{
    return 2.0 * a->n * a->p * a->q * a->k * a->r * a->s * a->c;
}

static size_t round_up(size_t bytes)
{
    return (bytes + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN;
}

size_t clr_conv_workspace(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction)
{
    int threads = omp_get_max_threads();
    size_t channels = (size_t)(direction == CLR_FORWARD ? problem->k : problem->c);
    size_t passes = solver->fuses || direction == CLR_BACKWARD_WEIGHT ? 0 : 2 * channels * sizeof(double);

    return round_up(solver->workspace(problem, direction, threads)) + (size_t)threads * round_up(passes);
}

/* Runs pass on each thread's share of n rows; sums: NULL, or room for each thread's own, which are added up in the order of threads. */
static void by_rows(clr_conv_pass *pass, const clr_conv_args *args, int64_t n, int channels, char *sums)
{
    size_t bytes = round_up(2 * (size_t)channels * sizeof(double));
    int threads = omp_get_max_threads();

#pragma omp parallel num_threads(threads)
    {
        int thread = omp_get_thread_num();
        double *mine = sums ? (double *)(sums + (size_t)thread * bytes) : NULL;
        if (mine)
            memset(mine, 0, bytes);
        pass(args, channels, clr_share(n, threads, thread), clr_share(n, threads, thread + 1), mine);
    }
    if (!sums || !args->moments)
        return;
    memset(args->moments, 0, 2 * (size_t)channels * sizeof(double));
    for (int thread = 0; thread < threads; thread++) {
        const double *part = (const double *)(sums + (size_t)thread * bytes);
        for (int i = 0; i < 2 * channels; i++)
            args->moments[i] += part[i];
    }
}

void clr_conv_apply(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction,
                    const clr_conv_args *args)
{
    clr_conv_args inner = *args;
    int64_t in_rows = (int64_t)args->images * problem->h * problem->w, out_rows = (int64_t)args->images * problem->p * problem->q;

    if (direction == CLR_FORWARD && args->join.y && !(solver->joins && solver->joins(problem))) {
        by_rows(*CLR_KERNEL_PICK(clr_conv_join_pass), args, in_rows, problem->c, NULL);
        inner.join.y = NULL;
    }
    if (solver->fuses) {
        solver->apply(problem, direction, &inner);
        return;
    }
    if (direction == CLR_BACKWARD_WEIGHT && args->turn.g)
        by_rows(*CLR_KERNEL_PICK(clr_conv_turn_pass), args, out_rows, problem->k, NULL);
    inner.moments = NULL;
    inner.seen = false;
    inner.turn.g = NULL;
    solver->apply(problem, direction, &inner);
    char *sums = (char *)args->workspace + round_up(solver->workspace(problem, direction, omp_get_max_threads()));
    if (direction == CLR_FORWARD && args->moments)
        by_rows(*CLR_KERNEL_PICK(clr_conv_moments_pass), args, out_rows, problem->k, sums);
    if (direction == CLR_BACKWARD_DATA && args->seen)
        by_rows(*CLR_KERNEL_PICK(clr_conv_seen_pass), args, in_rows, problem->c, sums);
}
