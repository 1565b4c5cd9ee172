/* SPDX-License-Identifier: BSD-3-Clause */
/* The planner: for each (problem, direction) the cheapest of the members that are applicable and allowed, by their
   own estimate or by the clock; of the ranks, whose processors and threads may differ, the slowest counts. A plan file
   holds the choices, a line each, below a line that says what they were made on:

     simclr-plan 0.1.0 | CPU MODEL | avx512 | threads 2
     n h w c k r s stride pad direction solver */
#include "clr/conv.h"

#include "clr/isa.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/opt.h"
#include "clr/output.h"

#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

const clr_opt clr_dtype_option[] = {
    {"dtype", CLR_OPT_WORD, 0, "fp32", CLR_DTYPE_WORDS, 0, 0, NULL, CLR_OPT_IDENTITY, "arithmetic"}, {0}};

const clr_opt clr_plan_option[] = {{"plan", CLR_OPT_TEXT, 0, "estimate", "estimate|measure[:SOLVER,...]", 0, 0, NULL,
                                    CLR_OPT_IDENTITY,
                                    "how convolutions are chosen; a list allows only these, or with '-' forbids them"},
                                   {0}};

enum { MOST = 1024, LINE = 160, ROOM = MOST * LINE, SOLVERS = 16 };

typedef struct choice {
    clr_conv_problem problem;
    clr_direction direction;
    const clr_conv_solver *solver;
} choice;

struct clr_planner {
    clr_comm *comm;
    bool measure;
    bool allowed[SOLVERS];
    choice choice[MOST];
    int choices;
    char identity[256];
};

static int members(const char **names)
{
    int n = 0;

    for (; clr_conv_solvers[n]; n++)
        names[n] = clr_conv_solvers[n]->name;
    return n;
}

static clr_status member(const char *name, int *place)
{
    const char *names[SOLVERS];
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
    for (int i = 0; i < SOLVERS; i++)
        planner->allowed[i] = forbids;
    for (char *word = list; word && st == CLR_OK;) {
        char *next = strchr(word, ',');
        int place;
        if (next)
            *next++ = 0;
        st = member(word + (*word == '-'), &place);
        if (st == CLR_OK && (*word == '-') != forbids)
            st = clr_fail(CLR_EUSAGE, "--plan=%s: either names what is allowed, or with a '-' what is forbidden", how);
        if (st == CLR_OK)
            planner->allowed[place] = !forbids;
        word = next;
    }
    clr_free(copy);
    return st;
}

static void cpu_model(char *model, size_t capacity)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];

    snprintf(model, capacity, "unknown processor");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
            line[strcspn(line, "\n")] = 0;
            snprintf(model, capacity, "%s", strchr(line, ':') + 2);
            break;
        }
    if (file)
        fclose(file);
}

static bool same(const clr_conv_problem *a, const clr_conv_problem *b)
{
    return a->n == b->n && a->h == b->h && a->w == b->w && a->c == b->c && a->k == b->k && a->r == b->r &&
           a->s == b->s && a->stride == b->stride && a->pad == b->pad && a->dtype == b->dtype;
}

static void add(clr_planner *planner, const clr_conv_problem *problem, clr_direction direction,
                const clr_conv_solver *solver)
{
    if (planner->choices < MOST)
        planner->choice[planner->choices++] = (choice){*problem, direction, solver};
}

/* Collective. Rank 0's text (ROOM bytes) on all; what cannot be understood, or is not allowed, is passed over. */
static void adopt(clr_planner *planner, char *text, const char *where)
{
    clr_comm_broadcast(planner->comm, text, ROOM, 0);
    for (char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        int n, h, w, c, k, kernel, s, stride, pad, direction, place;
        char solver[32];
        if (sscanf(line, "%d %d %d %d %d %d %d %d %d %d %31s", &n, &h, &w, &c, &k, &kernel, &s, &stride, &pad,
                   &direction, solver) != 11 ||
            kernel != s || stride < 1 || direction < 0 || direction >= CLR_DIRECTIONS ||
            member(solver, &place) != CLR_OK) {
            clr_warn_once("plan-line", "%s: a line of this plan is not understood; it is passed over", where);
            continue;
        }
        clr_conv_problem problem = clr_conv_problem_of(n, h, w, c, k, kernel, stride, pad);
        const clr_conv_solver *found = clr_conv_solvers[place];
        if (planner->allowed[place] && clr_conv_serves(found, &problem, (clr_direction)direction))
            add(planner, &problem, (clr_direction)direction, found);
    }
}

/* On rank 0: the file's text, where it is a plan of this machine. */
static void read_file(const clr_planner *planner, const char *path, char *text)
{
    FILE *file = fopen(path, "r");
    int error = file ? 0 : errno;
    size_t got = file ? fread(text, 1, ROOM - 1, file) : 0;

    text[got] = 0;
    if (file && ferror(file))
        error = errno;
    if (file)
        fclose(file);
    size_t first = strcspn(text, "\n");
    bool other = got && (first != strlen(planner->identity) || strncmp(text, planner->identity, first));
    if (error && error != ENOENT)
        clr_warn("%s: this plan cannot be read: %s; planning anew", path, strerror(error));
    else if (other)
        clr_warn("%s: this plan was made on another machine, or by another version; planning anew", path);
    if (error || other)
        text[0] = 0;
}

/* Of a plan's first line, what the bits of a solver depend on: instruction set and threads, its last two fields. */
static const char *conditions(const char *line, size_t *length)
{
    const char *end = line + strcspn(line, "\n"), *at = end;

    for (int bars = 0; at > line && bars < 2; bars += *at == '|')
        at--;
    *length = (size_t)(end - at);
    return at;
}

bool clr_planner_take(clr_planner *planner, const char *text)
{
    char *copy = CLR_NEW(char, ROOM);
    size_t theirs, ours;

    if (text && strlen(text) < ROOM) {
        const char *them = conditions(text, &theirs), *us = conditions(planner->identity, &ours);
        if (theirs == ours && !strncmp(them, us, ours))
            strcpy(copy, text);
    }
    adopt(planner, copy, "the checkpoint");
    bool taken = *copy;
    clr_free(copy);
    return taken;
}

int clr_planner_choices(const clr_planner *planner)
{
    return planner->choices;
}

clr_status clr_planner_open(clr_comm *comm, const char *how, const char *path, clr_planner **out)
{
    clr_planner *planner = CLR_NEW(clr_planner, 1);
    char model[160];

    *out = NULL;
    planner->comm = comm;
    clr_status st = parse(planner, how);
    if (st != CLR_OK) {
        clr_free(planner);
        return st;
    }
    cpu_model(model, sizeof model);
    snprintf(planner->identity, sizeof planner->identity, "simclr-plan %s | %s | %s | threads %d", PACKAGE_VERSION,
             model, clr_isa_name(clr_isa_current()), omp_get_max_threads());
    if (path) {
        char *text = CLR_NEW(char, ROOM);
        if (clr_comm_rank(comm) == 0)
            read_file(planner, path, text);
        adopt(planner, text, path);
        clr_free(text);
    }
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
    double seconds[SOLVERS], least = 1e300;
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
    add(planner, problem, direction, best);
    return best;
}

char *clr_planner_text(const clr_planner *planner)
{
    char *text = CLR_NEW(char, ROOM);
    size_t used = (size_t)snprintf(text, ROOM, "%s\n", planner->identity);

    for (int i = 0; i < planner->choices && used < ROOM; i++) {
        const clr_conv_problem *a = &planner->choice[i].problem;
        used += (size_t)snprintf(text + used, ROOM - used, "%d %d %d %d %d %d %d %d %d %d %s\n", a->n, a->h, a->w, a->c,
                                 a->k, a->r, a->s, a->stride, a->pad, (int)planner->choice[i].direction,
                                 planner->choice[i].solver->name);
    }
    return text;
}

clr_status clr_planner_save(const clr_planner *planner, const char *path)
{
    clr_output output;
    clr_status st = clr_output_open_plain(path, &output);

    if (st != CLR_OK)
        return st;
    char *text = clr_planner_text(planner);
    fputs(text, output.file);
    clr_free(text);
    return clr_output_end(&output, true);
}
