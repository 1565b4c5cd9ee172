/* SPDX-License-Identifier: BSD-3-Clause */
/* bench conv: the speed of one convolution solver on this machine, and its error. */
#include "clr/cmd.h"
#include "clr/conv.h"
#include "clr/isa.h"
#include "clr/mem.h"

#include <omp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct config {
    int64_t n, h, w, c, k, kernel, stride, pad, threads;
    clr_direction direction;
    const char *solver;
    bool error;
} config;

#define AT(name) offsetof(config, name)
#define DIRECTIONS "forward|backward-data|backward-weight"
static const clr_opt own[] = {
    {"n", CLR_OPT_LONG, AT(n), "128", "N", 1, 1 << 20, NULL, 0, "images"},
    {"h", CLR_OPT_LONG, AT(h), "32", "N", 1, 1 << 14, NULL, 0, "height of x"},
    {"w", CLR_OPT_LONG, AT(w), "32", "N", 1, 1 << 14, NULL, 0, "width of x"},
    {"c", CLR_OPT_LONG, AT(c), "64", "N", 1, 1 << 16, NULL, 0, "channels of x"},
    {"k", CLR_OPT_LONG, AT(k), "64", "N", 1, 1 << 16, NULL, 0, "channels of y"},
    {"kernel", CLR_OPT_LONG, AT(kernel), "3", "N", 1, 7, NULL, 0, "height and width of the kernel"},
    {"stride", CLR_OPT_LONG, AT(stride), "1", "N", 1, 4, NULL, 0, "in both directions"},
    {"pad", CLR_OPT_LONG, AT(pad), "-1", "N", -1, 7, NULL, 0, "on every side; -1: half of the kernel"},
    {"direction", CLR_OPT_WORD, AT(direction), "forward", DIRECTIONS, 0, 0, NULL, 0,
     "y, or the gradient of x or of the weight"},
    {"solver", CLR_OPT_TEXT, AT(solver), NULL, "NAME", 0, 0, NULL, 0,
     "a member of the table; without it all that apply, each with a line"},
    {"error", CLR_OPT_FLAG, AT(error), "no", NULL, 0, 0, NULL, 0, "compare with the reference member too"},
    {0}};
static const clr_opt_part options[] = {{own, 0, NULL}, {clr_threads_option, AT(threads), NULL}, {0}};

/* The memory that clr_conv_time takes: x, y, g, weight, the result, the reference's result and workspaces. */
static clr_status check_memory(const clr_conv_solver *solver, const clr_conv_problem *a, clr_direction direction)
{
    double x = (double)a->n * a->h * a->w * a->c, y = (double)a->n * a->p * a->q * a->k,
           w = (double)a->r * a->s * a->c * a->k;
    double need =
        sizeof(float) * (x + 2 * y + w + 2 * (x > y ? x : y)) + 2 * (double)clr_conv_workspace(solver, a, direction);
    const clr_budget budget = clr_memory_budget(1);

    if (need <= (double)budget.bytes)
        return CLR_OK;
    return clr_fail(CLR_EMEMORY,
                    "--n=%d --h=%d --w=%d --c=%d --k=%d: needs %.1f GB, and %.1f GB are there (%s); give smaller ones",
                    a->n, a->h, a->w, a->c, a->k, need * 1e-9, (double)budget.bytes * 1e-9, budget.by);
}

static void measure(const clr_conv_solver *solver, const clr_conv_problem *a, clr_direction direction, bool want_error)
{
    static const char *const word[] = {"forward", "backward-data", "backward-weight"};
    double error, seconds = clr_conv_time(solver, a, direction, want_error ? &error : NULL);

    printf("bench=conv solver=%s direction=%s n=%d h=%d w=%d c=%d k=%d kernel=%d stride=%d pad=%d threads=%d isa=%s "
           "gflops=%.1f seconds=%.6f",
           solver->name, word[direction], a->n, a->h, a->w, a->c, a->k, a->r, a->stride, a->pad, omp_get_max_threads(),
           clr_isa_name(clr_isa_current()), clr_conv_flops(a) / seconds * 1e-9, seconds);
    if (want_error)
        printf(" error=%.2e", error);
    printf("\n");
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const config *o = settings;
    const char *names[16];
    int members = 0, measured = 0;
    (void)set;

    clr_comm_threads(comm, o->threads);
    int pad = o->pad < 0 ? (int)o->kernel / 2 : (int)o->pad;
    if (o->h + 2 * pad < o->kernel || o->w + 2 * pad < o->kernel)
        return clr_fail(CLR_EUSAGE,
                        "--kernel=%d is larger than the padded image; make it smaller, or --h, --w or --pad larger",
                        (int)o->kernel);
    clr_conv_problem a =
        clr_conv_problem_of((int)o->n, (int)o->h, (int)o->w, (int)o->c, (int)o->k, (int)o->kernel, (int)o->stride, pad);
    clr_direction direction = o->direction;
    for (; clr_conv_solvers[members]; members++) {
        const clr_conv_solver *solver = clr_conv_solvers[members];
        bool wanted = o->solver ? !strcmp(o->solver, solver->name) : clr_conv_solvers[members + 1] != NULL;
        names[members] = solver->name;
        if (!wanted)
            continue;
        if (clr_conv_serves(solver, &a, direction)) {
            clr_status st = check_memory(solver, &a, direction);
            if (st != CLR_OK)
                return st;
            measure(solver, &a, direction, o->error);
            measured++;
        } else if (o->solver) {
            return clr_fail(CLR_EUSAGE, "--solver=%s does not serve this problem (%s)", solver->name, solver->help);
        }
    }
    if (measured)
        return CLR_OK;
    const char *near = clr_opt_nearest(o->solver, names, members);
    return clr_fail(CLR_EUSAGE, "--solver: there is no convolution solver '%s'%s%s%s", o->solver,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

const clr_command clr_command_bench_conv = {.name = "bench conv",
                                            .arguments = "",
                                            .help = "times the convolution solvers",
                                            .example = "simclr bench conv --h=56 --w=56 --c=64 --k=64 --kernel=3",
                                            .options = options,
                                            .config_bytes = sizeof(config),
                                            .alone = true,
                                            .run = run};
