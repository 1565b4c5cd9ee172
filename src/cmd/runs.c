/* SPDX-License-Identifier: BSD-3-Clause */
/* A folder of runs as a table. All is read from texts of the run directories. */
#include "runs.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_time(const void *a, const void *b)
{
    const clr_result *x = a, *y = b;
    return x->when != y->when ? (x->when > y->when) - (x->when < y->when) : strcmp(x->name, y->name);
}

int clr_runs_count(const char *folder)
{
    char **paths = NULL;
    int n;

    clr_status st = clr_results_list(folder, &paths, &n);
    clr_results_free_paths(paths, n);
    return st == CLR_OK ? n : -1;
}

/* A number, or a dash where it is not known. */
static void put(const char *format, int width, double x)
{
    char text[32] = "-";

    if (!isnan(x))
        snprintf(text, sizeof text, format, x);
    printf("%*s  ", width, text);
}

clr_status clr_runs_list(const char *folder)
{
    char **paths = NULL, when[32];
    int n;
    clr_status st = clr_results_list(folder, &paths, &n);

    if (st != CLR_OK) {
        clr_results_free_paths(paths, n);
        return st;
    }
    clr_result *results = CLR_NEW(clr_result, n + 1);
    for (int i = 0; i < n; i++)
        results[i] = clr_result_of(paths[i]);
    qsort(results, (size_t)n, sizeof *results, by_time);
    printf("%-10s  %8s  %8s  %9s  %7s  %-16s  %s\n", "state", "step", "epoch", "loss", "probe %", "latest step", "run");
    for (int i = 0; i < n; i++) {
        const clr_result *r = &results[i];
        struct tm local;
        *when = 0;
        if (localtime_r(&r->when, &local))
            strftime(when, sizeof when, "%F %H:%M", &local);
        printf("%-10s  ", clr_result_word(r->state));
        put("%.0f", 8, r->step);
        put("%.2f", 8, r->epoch);
        put("%.4f", 9, r->loss);
        put("%.2f", 7, r->probe);
        printf("%-16s  %s\n", when, r->path);
        if (r->trouble) {
            clr_warn("%s", r->trouble);
            st = CLR_EIO;
        }
        clr_result_free(&results[i]);
    }
    printf("info kind=runs runs=%d folder=%s\n", n, folder);
    clr_free(results);
    clr_results_free_paths(paths, n);
    return st == CLR_OK ? st : clr_fail(st, "%s: not all of its runs could be read", folder);
}
