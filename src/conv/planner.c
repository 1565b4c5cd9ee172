/* SPDX-License-Identifier: BSD-3-Clause */
/* The planner: for each (problem, direction) the cheapest of the members that are applicable and allowed, by their own
   estimate or by the clock; of the ranks, whose processors and threads may differ, the slowest counts. */
#include "planner.h"

#include "clr/isa.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/opt.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

const clr_opt clr_dtype_option[] = {
    {"dtype", CLR_OPT_WORD, 0, "fp32", CLR_DTYPE_WORDS, 0, 0, NULL, CLR_OPT_IDENTITY, "arithmetic"}, {0}};

const clr_opt clr_plan_option[] = {{"plan", CLR_OPT_TEXT, 0, "estimate", "estimate|measure[:SOLVER,...]", 0, 0, NULL,
                                    CLR_OPT_IDENTITY,
                                    "how convolutions are chosen; a list allows only these, or with '-' forbids them"},
                                   {0}};

static int members(const char **names)
{
    int n = 0;

    for (; clr_conv_solvers[n]; n++)
        names[n] = clr_conv_solvers[n]->name;
    return n;
}

clr_status clr_planner_member(const char *name, int *place)
{
    const char *names[CLR_SOLVERS];
    int n = members(names);

    for (*place = 0; *place < n; ++*place)
        if (!strcmp(names[*place], name))
            return CLR_OK;
    const char *near = clr_opt_nearest(name, names, n);
    return clr_fail(CLR_EUSAGE, "--plan: there is no convolution solver '%s'%s%s%s", name,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* "estimate", "measure", "estimate:winograd4,reference", "measure:-winograd4". */
static clr_status parse(clr_planner *planner, const char *how)
{
    char *copy = clr_copy_text(how), *list = strchr(copy, ':');
    clr_status st = CLR_OK;

    if (list)
        *list++ = 0;
    planner->measure = !strcmp(copy, "measure");
    if (!planner->measure && strcmp(copy, "estimate"))
        st = clr_fail(
            CLR_EUSAGE,
            "--plan=%s: must be estimate or measure, and may name solvers: estimate:implicit, measure:-winograd4", how);
    bool forbids = !list || *list == '-';
    for (int i = 0; i < CLR_SOLVERS; i++)
        planner->allowed[i] = forbids;
    for (char *word = list; word && st == CLR_OK;) {
        char *next = strchr(word, ',');
        int place;
        if (next)
            *next++ = 0;
        st = clr_planner_member(word + (*word == '-'), &place);
        if (st == CLR_OK && (*word == '-') != forbids)
            st = clr_fail(CLR_EUSAGE, "--plan=%s: either names what is allowed, or with a '-' what is forbidden", how);
        if (st == CLR_OK)
            planner->allowed[place] = !forbids;
        word = next;
    }
    clr_free(copy);
    return st;
}

static bool same(const clr_conv_problem *a, const clr_conv_problem *b)
{
    return a->n == b->n && a->h == b->h && a->w == b->w && a->c == b->c && a->k == b->k && a->r == b->r &&
           a->s == b->s && a->stride == b->stride && a->pad == b->pad && a->dtype == b->dtype;
}

void clr_planner_add(clr_planner *planner, const clr_conv_problem *problem, clr_direction direction,
                     const clr_conv_solver *solver)
{
    if (planner->choices < CLR_PLAN_MOST)
        planner->choice[planner->choices++] = (clr_plan_choice){*problem, direction, solver};
}

int clr_planner_choices(const clr_planner *planner)
{
    return planner->choices;
}

clr_status clr_planner_open(clr_comm *comm, const char *how, const char *path, clr_planner **out)
{
    clr_planner *planner = CLR_NEW(clr_planner, 1);

    *out = NULL;
    planner->comm = comm;
    clr_status st = parse(planner, how);
    if (st != CLR_OK) {
        clr_free(planner);
        return st;
    }
    clr_planner_identify(planner);
    if (path)
        clr_planner_read(planner, path);
    *out = planner;
    return CLR_OK;
}

void clr_planner_close(clr_planner *planner)
{
    clr_free(planner);
}

const clr_conv_solver *clr_planner_choose(clr_planner *planner, const clr_conv_problem *problem,
                                          clr_direction direction)
{
    const clr_conv_solver *best = NULL, *last = NULL;
    double seconds[CLR_SOLVERS], least = 1e300;
    int n = 0;

    for (int i = 0; i < planner->choices; i++)
        if (planner->choice[i].direction == direction && same(&planner->choice[i].problem, problem))
            return planner->choice[i].solver;
    for (; clr_conv_solvers[n]; n++) {
        const clr_conv_solver *solver = last = clr_conv_solvers[n];
        seconds[n] = 1e300;
        if (!planner->allowed[n] || !clr_conv_serves(solver, problem, direction))
            continue;
        seconds[n] = solver->estimate(problem, direction, omp_get_max_threads());
    }
    if (planner->measure) { /* what is estimated ten times slower than the best is not tried */
        double bound = 1e300;
        for (int i = 0; i < n; i++)
            bound = seconds[i] < bound ? seconds[i] : bound;
        for (int i = 0; i < n; i++)
            if (seconds[i] < 1e300)
                seconds[i] =
                    seconds[i] <= 10 * bound ? clr_conv_time(clr_conv_solvers[i], problem, direction, NULL) : 1e299;
    }
    clr_comm_allreduce_max_double(planner->comm, seconds, n);
    for (int i = 0; i < n; i++)
        if (seconds[i] < least) {
            least = seconds[i];
            best = clr_conv_solvers[i];
        }
    if (!best) {
        clr_warn_once("plan-none",
                      "--plan allows no solver for some convolutions; the reference member, slow, serves them");
        best = last;
    }
    clr_planner_add(planner, problem, direction, best);
    return best;
}
