/* SPDX-License-Identifier: BSD-3-Clause */
/* A curve of more steps than are drawn shows the mean of as many as fall into one point. */
#include "charts.h"

#include "clr/mem.h"
#include "clr/tensor.h"
#include "html.h"
#include "plot.h"

#include <math.h>
#include <string.h>

enum { POINTS = 240, ALL = 20000 /* points of all curves of a chart */ };

static clr_curve empty_curve(int64_t room, int run, clr_curve_kind kind)
{
    return (clr_curve){
        .x = CLR_NEW(double, room + 1), .y = CLR_NEW(double, room + 1), .colour = run % CLR_HTML_COLOURS, .kind = kind};
}

/* A column of metrics.tsv times `by` over epochs. bin: steps of a point, the most of all curves. */
static clr_curve curve_of(const clr_report *report, int run, const char *column, double by, int64_t *bin)
{
    const clr_tsv *metrics = &report->run[run].metrics;
    int64_t points = clr_max64(20, clr_min64(POINTS, ALL / report->runs)),
            steps = (metrics->rows + points - 1) / points;
    clr_curve c = empty_curve(points, run, run < CLR_HTML_COLOURS ? CLR_CURVE_LINE : CLR_CURVE_DASHED);

    for (int64_t from = 0; from < metrics->rows; from += steps) {
        int64_t to = clr_min64(metrics->rows, from + steps), known = 0;
        double x = 0, y = 0;
        for (int64_t i = from; i < to; i++) {
            double value = clr_tsv_number(metrics, i, column);
            if (!isfinite(value))
                continue;
            x += clr_tsv_number(metrics, i, "epoch");
            y += by * value;
            known++;
        }
        if (known) {
            c.x[c.n] = x / (double)known;
            c.y[c.n++] = y / (double)known;
        }
    }
    *bin = clr_max64(*bin, steps);
    return c;
}

/* The accuracies of a kind of evaluation at the epochs of their checkpoints. */
static clr_curve probes_of(const clr_report *report, int run, const char *method)
{
    const clr_tsv *probes = &report->run[run].probes;
    clr_curve c = empty_curve(probes->rows, run, CLR_CURVE_POINTS);
    char text[64];

    for (int64_t i = 0; i < probes->rows; i++)
        if (!strcmp(clr_tsv_text(probes, i, "method", text, sizeof text), method) &&
            !strcmp(clr_tsv_text(probes, i, "features", text, sizeof text), "h")) {
            c.x[c.n] = clr_tsv_number(probes, i, "epoch");
            c.y[c.n++] = clr_tsv_number(probes, i, "top1");
        }
    return c;
}

/* A figure of curves, which it frees; nothing where all are empty. */
static clr_status figure(clr_plot *plot, clr_curve *curves, int n, const char *caption, FILE *to)
{
    clr_status st = CLR_OK;
    int64_t points = 0;
    int kept = 0;

    for (int i = 0; i < n; i++) {
        points += curves[i].n;
        if (curves[i].n) {
            clr_curve c = curves[i];
            curves[i] = curves[kept];
            curves[kept++] = c;
        }
    }
    plot->curve = curves;
    plot->curves = kept;
    if (points) {
        fputs("<figure>\n", to);
        st = clr_plot_svg(plot, to);
        fputs("<figcaption>", to);
        clr_html_text(to, caption);
        fputs("</figcaption></figure>\n", to);
    }
    for (int i = 0; i < n; i++) {
        clr_free(curves[i].x);
        clr_free(curves[i].y);
    }
    return st;
}

static clr_status metric_figure(const clr_report *report, const char *column, double by, clr_plot plot,
                                const char *what, FILE *to)
{
    clr_curve *curves = CLR_NEW(clr_curve, report->runs);
    int64_t bin = 1;

    for (int r = 0; r < report->runs; r++)
        curves[r] = curve_of(report, r, column, by, &bin);
    char *caption = bin > 1 ? clr_text("%s. A point is the mean of up to %lld steps.", what, (long long)bin)
                            : clr_text("%s.", what);
    clr_status st = figure(&plot, curves, report->runs, caption, to);
    clr_free(caption);
    clr_free(curves);
    return st;
}

/* Whether points of several epochs are among these curves: one alone is in the tables, and shows no course. */
static bool several_epochs(const clr_curve *curves, int n)
{
    double low = INFINITY, high = -INFINITY;

    for (int i = 0; i < n; i++)
        for (int64_t p = 0; p < curves[i].n; p++) {
            low = fmin(low, curves[i].x[p]);
            high = fmax(high, curves[i].x[p]);
        }
    return low < high;
}

/* Accuracies in the course of training, and those that probe has measured. */
static clr_status probe_figure(const clr_report *report, FILE *to)
{
    enum { EACH = 5 /* curves of a run */ };
    static const char *const methods[EACH - 1] = {"linear-sgd", "linear-lbfgs", "linear-paper", "knn"};
    clr_curve *curves = CLR_NEW(clr_curve, EACH * report->runs);
    clr_plot plot = {.label = "accuracy over epochs",
                     .x = "epoch",
                     .y = "top-1, %",
                     .low = NAN,
                     .high = NAN,
                     .x_low = 0,
                     .x_high = NAN};
    int64_t bin = 1;

    for (int r = 0; r < report->runs; r++) {
        clr_curve *curve = curves + EACH * r;
        const clr_tsv *metrics = &report->run[r].metrics;
        bool test = clr_tsv_has(metrics, "test_top1");
        curve[0] = curve_of(report, r, test ? "test_top1" : "online_top1", test ? 1 : 100, &bin);
        if (test)
            curve[0].kind = CLR_CURVE_BOTH;
        for (int m = 1; m < EACH; m++)
            curve[m] = probes_of(report, r, methods[m - 1]);
    }
    if (!several_epochs(curves, EACH * report->runs))
        for (int i = 0; i < EACH * report->runs; i++)
            curves[i].n = 0;
    clr_status st = figure(&plot, curves, EACH * report->runs,
                           "Accuracy. Lines: while it trains (of a linear classifier on the views, or on the test "
                           "images); dots: each row of probe.tsv on h.",
                           to);
    clr_free(curves);
    return st;
}

clr_status clr_charts(const clr_report *report, FILE *to)
{
    const clr_plot loss = {.label = "loss over epochs",
                           .x = "epoch",
                           .y = "loss",
                           .low = NAN,
                           .high = NAN,
                           .x_low = 0,
                           .x_high = NAN},
                   contrast = {.label = "contrastive accuracy over epochs",
                               .x = "epoch",
                               .y = "contrastive top-1, %",
                               .low = 0,
                               .high = NAN,
                               .x_low = 0,
                               .x_high = NAN};

    if (!clr_plot_possible()) {
        fputs("<p>No curves: there is no gnuplot here. The numbers are in the tables.</p>\n", to);
        return CLR_OK;
    }
    fputs("<ul class=\"legend\">", to);
    for (int r = 0; r < report->runs; r++) {
        fprintf(to, "<li><i class=\"swatch\" style=\"background:var(--s%d)\"></i>", r % CLR_HTML_COLOURS);
        clr_html_text(to, report->run[r].result.name);
        fputs("</li>", to);
    }
    fputs("</ul>\n<div class=\"plots\">\n", to);
    clr_status st = metric_figure(report, "loss", 1, loss, "Loss", to);
    if (st == CLR_OK)
        st = metric_figure(report, "contrast_top1", 100, contrast,
                           "Contrastive accuracy: how often the other view is the nearest of all candidates", to);
    if (st == CLR_OK)
        st = probe_figure(report, to);
    fputs("</div>\n", to);
    return st;
}
