/* SPDX-License-Identifier: BSD-3-Clause */
#include "page.h"

#include "charts.h"
#include "clr/mem.h"
#include "html.h"
#include "pictures.h"
#include "study.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { PICTURES = 3 << 20 /* bytes that the page may have after a picture */ };

char *clr_page_summary(const clr_report *report)
{
    char *text = clr_copy_text(report->runs == 1 ? clr_result_word(report->run[0].result.state) : "");

    for (int s = CLR_RESULT_DONE; s <= CLR_RESULT_NONE; s++) {
        int n = 0;
        for (int r = 0; r < report->runs; r++)
            n += report->run[r].result.state == (clr_result_state)s;
        if (n && report->runs > 1) {
            char *longer = clr_text("%s%s%d %s", text, *text ? ", " : "", n, clr_result_word((clr_result_state)s));
            clr_free(text);
            text = longer;
        }
    }
    return text;
}

static void put_header(const clr_report *report, FILE *to)
{
    char *summary = clr_page_summary(report), *title;
    char when[32] = "";
    time_t now = time(NULL);
    struct tm local;

    title = report->table.title ? clr_copy_text(report->table.title)
            : report->runs == 1 ? clr_copy_text(report->run[0].result.name)
                                : clr_text("%d runs", report->runs);
    if (localtime_r(&now, &local))
        strftime(when, sizeof when, "%F %H:%M", &local);
    clr_html_begin(to, title);
    fputs("<header><p class=\"over\">simclr report</p><h1>", to);
    clr_html_text(to, title);
    fprintf(to, "</h1><p class=\"soft\">State: %s. Written %s by simclr %s.</p></header>\n<main>\n", summary, when,
            PACKAGE_VERSION);
    clr_free(summary);
    clr_free(title);
}

/* The numbers of one run in large. */
static void put_tiles(const clr_grid *g, FILE *to)
{
    fputs("<div class=\"tiles\">", to);
    for (int c = 2; c < g->columns; c++)
        if (*clr_grid_at(g, 0, c)) {
            fputs("<div><b>", to);
            clr_html_text(to, clr_grid_at(g, 0, c));
            fputs("</b><span>", to);
            clr_html_text(to, g->title[c]);
            fputs("</span></div>", to);
        }
    fputs("</div>\n", to);
}

/* How far a run is that is not done, and the last words of one that stopped. */
static void put_progress(const clr_reported *run, FILE *to)
{
    const clr_result *r = &run->result;
    double share = r->steps > 0 ? 100 * r->step / r->steps : NAN;

    if (r->state == CLR_RESULT_DONE)
        return;
    if (isfinite(share))
        fprintf(
            to,
            "<p>Step %.0f of %.0f, %.0f %%, epoch %.2f.</p><div class=\"bar\"><i style=\"width:%.1f%%\"></i></div>\n",
            r->step, r->steps, share, isfinite(r->epoch) ? r->epoch : 0, share > 100 ? 100 : share);
    if (r->state == CLR_RESULT_DIED)
        fputs("<p>Its process has gone without a word: killed, or its node was lost. The same command goes on from the "
              "newest checkpoint.</p>\n",
              to);
    if (*run->history.last) {
        fputs("<p class=\"soft\">Last line of its log: ", to);
        clr_html_text(to, run->history.last);
        fputs("</p>\n", to);
    }
}

static void put_facts(const clr_grid *provenance, int r, FILE *to)
{
    fputs("<dl>", to);
    for (int c = 1; c < provenance->columns; c++)
        if (*clr_grid_at(provenance, r, c)) {
            fputs("<dt>", to);
            clr_html_text(to, provenance->title[c]);
            fputs("</dt><dd>", to);
            clr_html_text(to, clr_grid_at(provenance, r, c));
            fputs("</dd>", to);
        }
    fputs("</dl>\n", to);
}

static bool same_views(const clr_reported *a, const clr_reported *b)
{
    static const char *const names[] = {"data", "augment", "augment-second", "image-size", "seed"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *x = clr_settings_text(&a->settings, names[i]), *y = clr_settings_text(&b->settings, names[i]);
        if (strcmp(x ? x : "", y ? y : ""))
            return false;
    }
    return true;
}

static void put_run(clr_report *report, int r, const clr_grid *provenance, FILE *to)
{
    clr_reported *run = &report->run[r];
    const char *word = clr_result_word(run->result.state);
    int shown = 0;

    while (shown < r && !same_views(&report->run[shown], run))
        shown++;
    fprintf(to, "<details%s><summary><i class=\"swatch\" style=\"background:var(--s%d)\"></i>",
            report->runs <= 2 ? " open" : "", r % CLR_HTML_COLOURS);
    clr_html_text(to, run->result.name);
    fprintf(to, "<b class=\"state %s\">%s</b></summary>\n", word, word);
    put_progress(run, to);
    put_facts(provenance, r, to);
    if (run->result.state == CLR_RESULT_NONE) {
        fputs("<p>Nobody has begun it.</p></details>\n", to);
        return;
    }
    if (shown == r) {
        clr_pictures(run, PICTURES - ftell(to), to);
    } else {
        fputs("<p class=\"soft\">The same data and views as ", to);
        clr_html_text(to, report->run[shown].result.name);
        fputs(".</p>\n", to);
    }
    if (*run->trouble) {
        fputs("<h3>Not readable</h3><pre>", to);
        clr_html_text(to, run->trouble);
        fputs("</pre>", to);
    }
    fputs("<h3>config</h3><pre>", to);
    clr_html_text(to, run->config);
    fputs("</pre></details>\n", to);
}

static void put_probes(const clr_report *report, FILE *to)
{
    clr_grid probes = clr_report_probes(report), protocols = clr_report_protocols(&probes);

    fputs("<section><h2>Evaluations</h2>\n", to);
    if (probes.rows)
        clr_html_grid(to, &probes, false);
    else
        fputs("<p class=\"soft\">None yet: <code>simclr probe --checkpoint=RUN --train=TRAIN.h5 --test=TEST.h5</code> "
              "writes its results into the run directory.</p>\n",
              to);
    for (int r = 0; r < protocols.rows; r++) {
        fprintf(to, "<p class=\"soft\">Protocol %d: ", r + 1);
        clr_html_text(to, clr_grid_at(&protocols, r, 1));
        fputs(".</p>\n", to);
    }
    fputs("</section>\n", to);
    clr_grid_free(&probes);
    clr_grid_free(&protocols);
}

static void put_results(const clr_report *report, const clr_grid *runs, FILE *to)
{
    fputs("<section><h2>Results</h2>\n", to);
    if (report->runs == 1)
        put_tiles(runs, to);
    else
        clr_html_grid(to, runs, true);
    fputs("</section>\n", to);
}

/* Of a table of settings, what the settings show comes first. */
clr_status clr_page_write(clr_report *report, const clr_grid *runs, FILE *to)
{
    clr_grid provenance = clr_report_provenance(report);
    bool table = report->table.rows > 0;

    put_header(report, to);
    if (!table)
        put_results(report, runs, to);
    clr_status st = clr_study(report, to);
    if (table)
        put_results(report, runs, to);
    fputs("<section><h2>Curves</h2>\n", to);
    if (st == CLR_OK)
        st = clr_charts(report, to);
    fputs("</section>\n", to);
    put_probes(report, to);
    fputs("<section><h2>Runs</h2>\n", to);
    for (int r = 0; r < report->runs; r++)
        put_run(report, r, &provenance, to);
    fputs("</section>\n", to);
    clr_html_end(to);
    clr_grid_free(&provenance);
    return st;
}
