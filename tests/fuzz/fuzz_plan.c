/* SPDX-License-Identifier: BSD-3-Clause */
/* A plan file. The input: a byte that chooses (1: behind the first line that fits this machine; 2: from a
   checkpoint), the file. */
#include "fuzz.h"

#include "clr/conv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a plan of this machine, with its end; a plan of a few problems behind it where wanted. */
static size_t own_plan(char *text, size_t capacity, int problems)
{
    char path[128];
    clr_planner *planner;

    FUZZ_CHECK(clr_planner_open(NULL, "estimate", NULL, &planner) == CLR_OK);
    for (int i = 0; i < problems; i++) {
        clr_conv_problem problem =
            clr_conv_problem_of(2, 8 + i, 8, 4 << i, 16, i % 2 ? 1 : 3, 1 + i % 2, i % 2 ? 0 : 1);
        for (int d = 0; d < CLR_DIRECTIONS; d++)
            clr_planner_choose(planner, &problem, (clr_direction)d);
    }
    FUZZ_CHECK(clr_planner_save(planner, fuzz_path(path, "own")) == CLR_OK);
    clr_planner_close(planner);
    FILE *file = fopen(path, "re");
    size_t n = fread(text, 1, capacity, file);
    fclose(file);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char head[1024], whole[1 << 20];
    static size_t used;
    char path[128];
    clr_planner *planner;

    if (!used)
        used = own_plan(head, sizeof head, 0);
    if (!size || size + used > sizeof whole)
        return 0;
    size_t before = data[0] & 1 ? used : 0;
    memcpy(whole, head, before);
    memcpy(whole + before, data + 1, size - 1);
    whole[before + size - 1] = 0;
    fuzz_file(path, "plan", whole, before + size - 1);
    fuzz_begin(size);
    if (clr_planner_open(NULL, "estimate", data[0] & 2 ? NULL : path, &planner) == CLR_OK) {
        if (data[0] & 2)
            clr_planner_take(planner, whole);
        for (int i = 0; i < 4; i++) {
            clr_conv_problem problem =
                clr_conv_problem_of(2, 8 + i, 8, 4 << i, 16, i % 2 ? 1 : 3, 1 + i % 2, i % 2 ? 0 : 1);
            const clr_conv_solver *solver = clr_planner_choose(planner, &problem, (clr_direction)(i % CLR_DIRECTIONS));
            FUZZ_CHECK(solver && solver->applicable(&problem, (clr_direction)(i % CLR_DIRECTIONS)));
            clr_conv_workspace(solver, &problem, (clr_direction)(i % CLR_DIRECTIONS));
        }
        FUZZ_CHECK(clr_planner_save(planner, path) == CLR_OK);
        clr_planner_close(planner);
        fuzz_accept();
    }
    return 0;
}

void fuzz_seeds(void)
{
    char text[8192] = "0";
    size_t n = own_plan(text + 1, sizeof text - 1, 4);

    fuzz_seed(text, n + 1);
    char *rows = strchr(text, '\n');
    rows[0] = '1';
    fuzz_seed(rows, n + 1 - (size_t)(rows - text));
    rows[0] = '3';
    fuzz_seed(rows, n + 1 - (size_t)(rows - text));
}
