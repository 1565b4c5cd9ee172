/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of a report. */
#include "clr/report.h"

#include "clr/mem.h"
#include "clr/output.h"
#include "model.h"
#include "page.h"
#include "plot.h"

#include <stdlib.h>
#include <string.h>

/* PAGE of PAGE.html, and what follows it. */
static char *beside(const char *output, const char *ending)
{
    size_t n = strlen(output);

    n -= n > 5 && !strcmp(output + n - 5, ".html") ? 5 : 0;
    return clr_text("%.*s%s", (int)n, output, ending);
}

enum { FILES = 4 };

static void write_text(const clr_report *report, const clr_grid *runs, FILE *to)
{
    clr_grid probes = clr_report_probes(report), protocols = clr_report_protocols(&probes),
             provenance = clr_report_provenance(report);
    const clr_grid *all[] = {runs, &probes, &protocols, &provenance};
    char *summary = clr_page_summary(report);

    fprintf(to, "%d run%s: %s\n", report->runs, report->runs == 1 ? "" : "s", summary);
    for (int i = 0; i < 4; i++)
        if (all[i]->rows) {
            fputs("\n", to);
            clr_grid_text(all[i], to);
        }
    clr_free(summary);
    clr_grid_free(&probes);
    clr_grid_free(&protocols);
    clr_grid_free(&provenance);
}

/* A form of the report beside the page, to an open file. */
static void write_form(const clr_report *report, const clr_grid *runs, int form, FILE *to)
{
    clr_grid probes = clr_report_probes(report);

    if (form == 1)
        write_text(report, runs, to);
    else
        clr_grid_tsv(form == 2 ? runs : &probes, to);
    clr_grid_free(&probes);
}

/* All forms in memory first, because the page must not grow beyond its limit. */
static clr_status write_all(clr_report *report, char *const path[FILES], clr_report_counts *counts)
{
    clr_grid runs = clr_report_runs(report);
    clr_status st = CLR_OK;

    for (int form = 0; form < FILES && st == CLR_OK; form++) {
        char *bytes = NULL;
        size_t n = 0;
        FILE *to = open_memstream(&bytes, &n);
        if (!to)
            st = clr_fail(CLR_EMEMORY, "no memory for a page");
        else if (form)
            write_form(report, &runs, form, to);
        else
            st = clr_page_write(report, &runs, to);
        if (to && (ferror(to) | fclose(to)) && st == CLR_OK)
            st = clr_fail(CLR_EMEMORY, "no memory for a page of %d runs", report->runs);
        if (st == CLR_OK && !form) {
            counts->bytes = (int64_t)n;
            if (n > CLR_REPORT_BYTES)
                st = clr_fail(CLR_EINPUT, "a page of these %d runs takes %.1f MB, more than 5: name fewer runs",
                              report->runs, (double)n * 1e-6);
        }
        if (st == CLR_OK)
            st = clr_output_put(path[form], bytes, n);
        free(bytes);
    }
    clr_grid_free(&runs);
    return st;
}

clr_status clr_report_write(const char *const *paths, int n, const clr_report_config *config, clr_report_counts *counts)
{
    static const char *const endings[FILES] = {NULL, ".txt", "-runs.tsv", "-probes.tsv"};
    char *path[FILES] = {clr_copy_text(config->output)};
    clr_report report = {0};
    clr_status st = CLR_OK;

    *counts = (clr_report_counts){.plots = clr_plot_possible()};
    for (int i = 0; i < FILES; i++) {
        path[i] = i ? beside(config->output, endings[i]) : path[0];
        if (st == CLR_OK)
            st = clr_output_check(path[i], config->force);
        for (int j = 0; j < n && st == CLR_OK; j++)
            st = clr_output_apart(path[i], paths[j]);
    }
    if (st == CLR_OK)
        st = clr_report_read(paths, n, config, &report);
    if (st == CLR_OK)
        st = write_all(&report, path, counts);
    counts->runs = report.runs;
    for (int r = 0; r < report.runs && st == CLR_OK; r++)
        if (*report.run[r].trouble) /* the page is there, and says so too */
            st = clr_fail(CLR_EIO, "a file of a run cannot be read, the report is without it: %.*s",
                          (int)strcspn(report.run[r].trouble, "\n"), report.run[r].trouble);
    for (int r = 0; r < report.runs; r++) {
        counts->done += report.run[r].result.state == CLR_RESULT_DONE;
        counts->running += report.run[r].result.state == CLR_RESULT_RUNNING;
        counts->died += report.run[r].result.state == CLR_RESULT_DIED;
    }
    clr_report_free(&report);
    for (int i = 0; i < FILES; i++)
        clr_free(path[i]);
    return st;
}
