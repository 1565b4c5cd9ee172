/* SPDX-License-Identifier: BSD-3-Clause */
/* The varied setting is the x axis: the one that the table names, else the number, else the word, that takes the most
   values. Other settings that differ make a series each; runs of one series that differ in the seed are averaged. */
#include "study.h"

#include "clr/mem.h"
#include "html.h"
#include "matrix.h"
#include "plot.h"
#include "varied.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct study {
    const clr_report *report;
    const char *x;
    bool number;
    char **series; /* names */
    int *of, n;    /* of each run; how many */
    double *at;    /* each run's place along x */
    char **tick;   /* words at 0, 1, ...; where x is no number */
    int ticks;
    const char **names; /* options that take several values */
    int differ;         /* of these */
} study;

/* What tells a run's series from others: "head=none, l2norm=no"; freed by clr_free. */
static char *series_of(const study *s, int run)
{
    char *text = clr_copy_text("");

    for (int i = 0; i < s->differ; i++) {
        const char *value = clr_varied_setting(s->report, run, s->names[i]);
        if (!strcmp(s->names[i], s->x) || !*value)
            continue;
        char *longer = clr_text("%s%s%s=%s", text, *text ? ", " : "", s->names[i], value);
        clr_free(text);
        text = longer;
    }
    return text;
}

static int find(char **words, int n, const char *word)
{
    int i = 0;

    while (i < n && strcmp(words[i], word))
        i++;
    return i;
}

static void open_study(const clr_report *report, study *s)
{
    *s = (study){.report = report,
                 .series = CLR_NEW(char *, report->runs + 1),
                 .of = CLR_NEW(int, report->runs + 1),
                 .at = CLR_NEW(double, report->runs + 1),
                 .tick = CLR_NEW(char *, report->runs + 1)};
    s->names = clr_varied_names(report, &s->differ);
    s->x = clr_varied_one(report, s->names, s->differ);
    const char *x = s->x;
    if (!x)
        return;
    clr_varied_values(report, x, &s->number);
    for (int r = 0; r < report->runs; r++) {
        const char *value = clr_varied_setting(report, r, x);
        s->of[r] = -1;
        if (!*value || !isfinite(report->run[r].accuracy))
            continue;
        char *name = series_of(s, r);
        s->of[r] = find(s->series, s->n, name);
        if (s->of[r] == s->n)
            s->series[s->n++] = name;
        else
            clr_free(name);
        int tick = find(s->tick, s->ticks, value);
        if (tick == s->ticks)
            s->tick[s->ticks++] = clr_copy_text(value);
        s->at[r] = s->number ? clr_settings_number(&report->run[r].settings, x) : tick;
    }
}

static void close_study(study *s)
{
    for (int i = 0; i < s->n; i++)
        clr_free(s->series[i]);
    for (int i = 0; i < s->ticks; i++)
        clr_free(s->tick[i]);
    clr_free(s->series);
    clr_free(s->tick);
    clr_free(s->of);
    clr_free(s->names);
    clr_free(s->at);
}

/* Adds a point; one at the same place becomes the mean of those there. count: points at each place. */
static void add(clr_curve *c, double *count, double x, double y)
{
    int64_t i = 0;

    while (i < c->n && c->x[i] < x)
        i++;
    if (i == c->n || c->x[i] > x) {
        for (int64_t j = c->n++; j > i; j--)
            c->x[j] = c->x[j - 1], c->y[j] = c->y[j - 1], count[j] = count[j - 1];
        c->x[i] = x, c->y[i] = 0, count[i] = 0;
    }
    c->y[i] = (c->y[i] * count[i] + y) / (count[i] + 1);
    count[i]++;
}

/* A figure of all series: of these runs, or of the paper. Returns in *points how many it has. */
static clr_status figure(const study *s, bool paper, int *points, FILE *to)
{
    const clr_report *report = s->report;
    clr_curve *curve = CLR_NEW(clr_curve, s->n);
    double least = INFINITY, most = 0;

    *points = 0;
    for (int i = 0; i < s->n; i++) {
        double *count = CLR_NEW(double, report->runs + 1);
        curve[i] = (clr_curve){CLR_NEW(double, report->runs + 1), CLR_NEW(double, report->runs + 1), 0,
                               i % CLR_HTML_COLOURS, s->number ? CLR_CURVE_BOTH : CLR_CURVE_POINTS};
        for (int r = 0; r < report->runs; r++) {
            const clr_table_paper *p = clr_table_file_paper(&report->table, report->run[r].result.name);
            if (s->of[r] != i || (paper && !p))
                continue;
            double x = paper && s->number && isfinite(p->x) ? p->x : s->at[r];
            add(&curve[i], count, x, paper ? p->top1 : report->run[r].accuracy);
            least = x < least ? x : least;
            most = x > most ? x : most;
            ++*points;
        }
        clr_free(count);
    }
    clr_plot plot = {.label = paper ? "the paper's accuracy" : "accuracy",
                     .x = s->x,
                     .y = "top-1, %",
                     .low = NAN,
                     .high = NAN,
                     .x_low = s->number ? NAN : -0.5,
                     .x_high = s->number ? NAN : s->ticks - 0.5,
                     .curve = curve,
                     .curves = s->n,
                     .log_x = s->number && least > 0 && most >= 8 * least,
                     .tick = s->tick,
                     .ticks = s->number ? 0 : s->ticks};
    clr_status st = CLR_OK;
    if (*points) {
        fputs("<figure>\n", to);
        st = clr_plot_svg(&plot, to);
        fprintf(to, "<figcaption>%s%s.</figcaption></figure>\n",
                paper ? "The paper's top-1, of its networks and data" : "These runs, by ", paper ? "" : report->judged);
    }
    for (int i = 0; i < s->n; i++) {
        clr_free(curve[i].x);
        clr_free(curve[i].y);
    }
    clr_free(curve);
    return st;
}

clr_status clr_study(const clr_report *report, FILE *to)
{
    clr_status st = CLR_OK;
    int points = 0;
    study s;

    clr_matrix(report, to);
    if (report->runs < 2 || !clr_plot_possible())
        return CLR_OK;
    open_study(report, &s);
    if (s.n && s.n <= 2 * CLR_HTML_COLOURS) {
        fputs("<section><h2>Accuracy against ", to);
        clr_html_text(to, s.x);
        fputs("</h2>\n<ul class=\"legend\">", to);
        for (int i = 0; i < s.n && s.n > 1; i++) {
            fprintf(to, "<li><i class=\"swatch\" style=\"background:var(--s%d)\"></i>", i % CLR_HTML_COLOURS);
            clr_html_text(to, s.series[i]);
            fputs("</li>", to);
        }
        fputs("</ul><div class=\"plots\">\n", to);
        st = figure(&s, false, &points, to);
        if (st == CLR_OK && report->table.papers)
            st = figure(&s, true, &points, to);
        fputs("</div></section>\n", to);
    }
    close_study(&s);
    return st;
}
