/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans as text. A plan holds the choices, a line each, below a line that says what they were made on:

     simclr-plan 0.1.0 | CPU MODEL | avx512 | threads 2
     n h w c k r s stride pad direction solver [bf16] */
#include "planner.h"

#include "clr/isa.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"

#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 160, ROOM = CLR_PLAN_MOST * LINE };

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

void clr_planner_identify(clr_planner *planner)
{
    char model[160];
    clr_isa isa = clr_isa_current();

    if (isa == CLR_ISA_AVX512BF16) /* a solver is chosen, not a kernel: plans of AVX-512 serve, older ones too */
        isa = CLR_ISA_AVX512;
    cpu_model(model, sizeof model);
    snprintf(planner->identity, sizeof planner->identity, "simclr-plan %s | %s | %s | threads %d", PACKAGE_VERSION,
             model, clr_isa_name(isa), omp_get_max_threads());
}

/* Collective. Rank 0's text (ROOM bytes) on all; what cannot be understood, or is not allowed, is skipped. */
static void adopt(clr_planner *planner, char *text, const char *where)
{
    clr_comm_broadcast(planner->comm, text, ROOM, 0);
    for (char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        int n, h, w, c, k, kernel, s, stride, pad, direction, place;
        char solver[32], dtype[8] = "fp32";
        if (sscanf(line, "%d %d %d %d %d %d %d %d %d %d %31s%*1[ ]%7[a-z0-9]", &n, &h, &w, &c, &k, &kernel, &s, &stride,
                   &pad, &direction, solver, dtype) < 11 ||
            kernel != s || !(strcmp(dtype, "fp32") == 0 || strcmp(dtype, "bf16") == 0) || stride < 1 || direction < 0 ||
            direction >= CLR_DIRECTIONS || clr_planner_member(solver, &place) != CLR_OK) {
            clr_warn_once("plan-line", "%s: a line of this plan is not understood and is skipped", where);
            continue;
        }
        clr_conv_problem problem = clr_conv_problem_of(n, h, w, c, k, kernel, stride, pad);
        const clr_conv_solver *found = clr_conv_solvers[place];
        problem.dtype = strcmp(dtype, "bf16") ? CLR_FP32 : CLR_BF16;
        if (planner->allowed[place] && clr_conv_serves(found, &problem, (clr_direction)direction))
            clr_planner_add(planner, &problem, (clr_direction)direction, found);
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

void clr_planner_read(clr_planner *planner, const char *path)
{
    char *text = CLR_NEW(char, ROOM);

    if (clr_comm_rank(planner->comm) == 0)
        read_file(planner, path, text);
    adopt(planner, text, path);
    clr_free(text);
}

/* The last two fields of a plan's first line, instruction set and threads: the bits of a solver's result depend on
   them. */
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

char *clr_planner_text(const clr_planner *planner)
{
    char *text = CLR_NEW(char, ROOM);
    size_t used = (size_t)snprintf(text, ROOM, "%s\n", planner->identity);

    for (int i = 0; i < planner->choices && used < ROOM; i++) {
        const clr_conv_problem *a = &planner->choice[i].problem;
        used += (size_t)snprintf(text + used, ROOM - used, "%d %d %d %d %d %d %d %d %d %d %s%s\n", a->n, a->h, a->w,
                                 a->c, a->k, a->r, a->s, a->stride, a->pad, (int)planner->choice[i].direction,
                                 planner->choice[i].solver->name, a->dtype == CLR_BF16 ? " bf16" : "");
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
