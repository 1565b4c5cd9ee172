/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of a report. */
#include "model.h"

#include "clr/mem.h"

#include <math.h>
#include <string.h>

enum { CELL = 1024, FEW = 4 /* settings that stand before the results, more behind them */ };

/* Whether two runs that have the option have different values of it. */
static bool differs(const clr_report *report, const char *name)
{
    const char *first = NULL;

    for (int i = 0; i < report->runs; i++) {
        const char *value = clr_settings_text(&report->run[i].settings, name);
        if (value && first && strcmp(value, first))
            return true;
        first = value ? value : first;
    }
    return false;
}

static bool has_column(const clr_grid *g, const char *name)
{
    for (int c = 0; c < g->columns; c++)
        if (!strcmp(g->name[c], name))
            return true;
    return false;
}

/* A column for each option that tells runs apart, called config.NAME in TSV. The run's place does not. dry: counts
   them only. */
static int put_settings(const clr_report *report, clr_grid *g, bool dry)
{
    clr_grid counted = {0}, *to = dry ? &counted : g;
    int n = 0;

    for (int i = 0; i < report->runs; i++)
        for (int j = 0; j < report->run[i].settings.n; j++) {
            const char *name = report->run[i].settings.name[j];
            char *column = clr_text("config.%s", name);
            bool wanted = strcmp(name, "run-dir") && !has_column(to, column) && differs(report, name);
            int c = wanted ? clr_grid_column(to, column, name) : -1;
            for (int r = 0; wanted && !dry && r < report->runs; r++) {
                const char *value = clr_settings_text(&report->run[r].settings, name);
                clr_grid_put(g, r, c, "%s", value ? value : "");
            }
            n += wanted;
            clr_free(column);
        }
    clr_grid_free(&counted);
    return n;
}

/* A column of the last row of metrics.tsv, times `by`, where some run has it. names: there; in TSV; for people; its
   format. */
static void put_metric(const clr_report *report, clr_grid *g, const char *const names[4], double by)
{
    int c = -1;

    for (int r = 0; r < report->runs; r++) {
        double x = by * clr_tsv_number(&report->run[r].metrics, -1, names[0]);
        if (!isfinite(x))
            continue;
        if (c < 0)
            c = clr_grid_column(g, names[1], names[2]);
        clr_grid_put_number(g, r, c, names[3], x);
    }
}

/* A column for each kind of evaluation, the latest of each run. */
static void put_probes(const clr_report *report, clr_grid *g)
{
    char features[CELL], method[CELL];

    for (int r = 0; r < report->runs; r++) {
        const clr_tsv *probes = &report->run[r].probes;
        for (int64_t i = 0; i < probes->rows; i++) {
            clr_tsv_text(probes, i, "features", features, sizeof features);
            clr_tsv_text(probes, i, "method", method, sizeof method);
            char *name = clr_text("%s_%s_top1", features, method), *title = clr_text("%s, %s %%", method, features);
            int c = 0;
            while (c < g->columns && strcmp(g->name[c], name))
                c++;
            if (c == g->columns)
                c = clr_grid_column(g, name, title);
            clr_grid_put_number(g, r, c, "%.2f", clr_tsv_number(probes, i, "top1"));
            clr_free(name);
            clr_free(title);
        }
    }
}

clr_grid clr_report_runs(const clr_report *report)
{
    static const char *const metrics[][4] = {{"loss", "loss", "loss", "%.4f"},
                                             {"chance", "chance", "chance", "%.4f"},
                                             {"contrast_top1", "contrast_top1_percent", "contrastive %", "%.2f"},
                                             {"online_top1", "online_top1_percent", "online probe %", "%.2f"},
                                             {"top1", "train_top1_percent", "training top-1 %", "%.2f"},
                                             {"test_top1", "test_top1_percent", "test top-1 %", "%.2f"}};
    clr_grid g = clr_grid_of(report->runs);
    int run = clr_grid_column(&g, "run", "run"), state = clr_grid_column(&g, "state", "state");

    for (int r = 0; r < report->runs; r++) {
        const clr_result *result = &report->run[r].result;
        clr_grid_put(&g, r, run, "%s", result->name);
        clr_grid_put(&g, r, state, "%s", clr_result_word(result->state));
    }
    bool few = put_settings(report, NULL, true) <= FEW;
    if (few)
        put_settings(report, &g, false);
    for (int i = 0; i < 6; i++)
        put_metric(report, &g, metrics[i], i == 2 || i == 3 ? 100 : 1);
    put_probes(report, &g);
    int paper = report->table.papers ? clr_grid_column(&g, "paper_top1", "paper's top-1 %") : -1;
    for (int r = 0; r < report->runs && paper >= 0; r++) {
        const clr_table_paper *p = clr_table_file_paper(&report->table, report->run[r].result.name);
        clr_grid_put_number(&g, r, paper, "%.1f", p ? p->top1 : NAN);
    }
    int speed = clr_grid_column(&g, "views_per_s", "views/s"), cost = clr_grid_column(&g, "core_hours", "core-hours"),
        step = clr_grid_column(&g, "step", "step"), steps = clr_grid_column(&g, "steps_in_all", "steps in all");
    for (int r = 0; r < report->runs; r++) {
        clr_grid_put_number(&g, r, speed, "%.4g", report->run[r].views_per_s);
        clr_grid_put_number(&g, r, cost, "%.4g", report->run[r].core_hours);
        if (report->run[r].result.state != CLR_RESULT_NONE)
            clr_grid_put_number(&g, r, step, "%.0f", report->run[r].result.step);
        clr_grid_put_number(&g, r, steps, "%.0f", report->run[r].result.steps);
    }
    if (!few)
        put_settings(report, &g, false);
    return g;
}

clr_grid clr_report_probes(const clr_report *report)
{
    static const char *const columns[][2] = {{"step", "step"},
                                             {"epoch", "epoch"},
                                             {"features", "features"},
                                             {"method", "method"},
                                             {"top1", "top-1 %"},
                                             {"top5", "top-5 %"},
                                             {"untrained_top1", "untrained %"},
                                             {"raw_top1", "raw pixels %"},
                                             {"train", "training images"},
                                             {"test", "test images"},
                                             {"classes", "classes"},
                                             {"protocol", "protocol"}};
    char text[CELL];
    int64_t rows = 0;

    for (int r = 0; r < report->runs; r++)
        rows += report->run[r].probes.rows;
    clr_grid g = clr_grid_of((int)rows);
    clr_grid_column(&g, "run", "run");
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        clr_grid_column(&g, columns[c][0], columns[c][1]);
    for (int r = 0, row = 0; r < report->runs; r++)
        for (int64_t i = 0; i < report->run[r].probes.rows; i++, row++) {
            clr_grid_put(&g, row, 0, "%s", report->run[r].result.name);
            for (int c = 1; c < g.columns; c++)
                clr_grid_put(&g, row, c, "%s", clr_tsv_text(&report->run[r].probes, i, g.name[c], text, sizeof text));
        }
    return g;
}

static void put_machine(const clr_history *history, clr_grid *g, int r, int c)
{
    const clr_start *s = history->starts ? &history->start[history->starts - 1] : NULL;

    if (!s)
        return;
    clr_grid_put(g, r, c, "%g rank%s on %g node%s, %g thread%s each, %s kernels", s->ranks, s->ranks == 1 ? "" : "s",
                 s->nodes, s->nodes == 1 ? "" : "s", s->threads, s->threads == 1 ? "" : "s", s->kernels);
    clr_grid_put(g, r, c + 1, "%d", history->starts);
}

clr_grid clr_report_provenance(const clr_report *report)
{
    clr_grid g = clr_grid_of(report->runs);
    int run = clr_grid_column(&g, "run", "run"), path = clr_grid_column(&g, "path", "directory"),
        seed = clr_grid_column(&g, "seed", "seed"), dataset = clr_grid_column(&g, "dataset", "dataset checksum"),
        images = clr_grid_column(&g, "images", "images"), machine = clr_grid_column(&g, "machine", "machine");
    clr_grid_column(&g, "starts", "starts");
    int program = clr_grid_column(&g, "program", "program");

    for (int r = 0; r < report->runs; r++) {
        const clr_settings *s = &report->run[r].settings;
        const char *drawn = clr_settings_text(s, "seed");
        clr_grid_put(&g, r, run, "%s", report->run[r].result.name);
        clr_grid_put(&g, r, path, "%s", report->run[r].result.path);
        clr_grid_put(&g, r, seed, "%s", drawn ? drawn : "");
        clr_grid_put(&g, r, dataset, "%s", s->dataset);
        clr_grid_put_number(&g, r, images, "%.0f", s->images);
        put_machine(&report->run[r].history, &g, r, machine);
        clr_grid_put(&g, r, program, "%s", s->program);
    }
    return g;
}

clr_grid clr_report_protocols(clr_grid *probes)
{
    int from = 0, n = 0;
    int *number = CLR_NEW(int, probes->rows + 1);

    while (from < probes->columns && strcmp(probes->name[from], "protocol"))
        from++;
    for (int r = 0; r < probes->rows; r++) { /* equal ones have the number of the first */
        int before = 0;
        while (before < r && strcmp(clr_grid_at(probes, before, from), clr_grid_at(probes, r, from)))
            before++;
        number[r] = before < r ? number[before] : *clr_grid_at(probes, r, from) ? ++n : 0;
    }
    clr_grid g = clr_grid_of(n);
    clr_grid_column(&g, "number", "protocol");
    clr_grid_column(&g, "protocol", "");
    for (int r = 0; r < probes->rows; r++) {
        if (number[r]) {
            clr_grid_put(&g, number[r] - 1, 0, "%d", number[r]);
            if (!*clr_grid_at(&g, number[r] - 1, 1))
                clr_grid_put(&g, number[r] - 1, 1, "%s", clr_grid_at(probes, r, from));
        }
    }
    for (int r = 0; r < probes->rows; r++)
        clr_grid_put(probes, r, from, number[r] ? "%d" : "", number[r]);
    clr_free(number);
    return g;
}
