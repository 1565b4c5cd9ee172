/* SPDX-License-Identifier: BSD-3-Clause */
/* views/s = views * images_per_s; core-hours = sum over steps of batch / images_per_s * ranks * threads / 3600. */
#include "model.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/plain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONFIG = 1 << 20 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(clr_reported *r)
{
    double *speed = CLR_NEW(double, r->metrics.rows + 1), batch = clr_settings_number(&r->settings, "batch"), sum = 0;
    int64_t n = 0;

    for (int64_t i = 0; i < r->metrics.rows; i++) {
        double images = clr_tsv_number(&r->metrics, i, "images_per_s");
        if (!(images > 0))
            continue;
        speed[n++] = images;
        sum += batch / images * clr_history_cores(&r->history, clr_tsv_number(&r->metrics, i, "step"));
    }
    qsort(speed, (size_t)n, sizeof *speed, by_value);
    r->views_per_s = n ? (r->contrastive ? 2 : 1) * speed[n / 2] : NAN;
    r->core_hours = n ? sum / 3600 : NAN;
    clr_free(speed);
}

void clr_report_note(clr_reported *run, clr_status st)
{
    if (st == CLR_OK || strstr(run->trouble, clr_message()))
        return;
    clr_warn("%s", clr_message());
    char *longer = clr_text("%s%s\n", run->trouble, clr_message());
    clr_free(run->trouble);
    run->trouble = longer;
}

/* One run. What cannot be read is noted and as if it were not there, but for memory. */
static clr_status add(clr_report *report, const char *path)
{
    clr_reported *run = CLR_NEW(clr_reported, report->runs + 1), *r = &run[report->runs];
    char *config = clr_text("%s/config", path), *log = clr_text("%s/log", path);
    char *metrics = clr_text("%s/metrics.tsv", path), *probes = clr_text("%s/probe.tsv", path);

    if (report->runs)
        memcpy(run, report->run, (size_t)report->runs * sizeof *run);
    clr_free(report->run);
    report->run = run;
    report->runs++;
    r->result = clr_result_of(path);
    r->trouble = clr_copy_text("");
    if (r->result.trouble)
        clr_report_note(r, clr_fail(CLR_EIO, "%s", r->result.trouble));
    clr_report_note(r, clr_plain_read(config, CONFIG, &r->config));
    if (!r->config)
        r->config = clr_copy_text("");
    r->settings = clr_settings_of(r->config);
    clr_status st = clr_tsv_read(metrics, false, &r->metrics);
    clr_report_note(r, st);
    if (st != CLR_EMEMORY)
        clr_report_note(r, st = clr_tsv_read(probes, false, &r->probes));
    clr_report_note(r, clr_history_read(log, &r->history));
    r->contrastive = clr_tsv_has(&r->metrics, "contrast_top1");
    measure(r);
    clr_free(config);
    clr_free(log);
    clr_free(metrics);
    clr_free(probes);
    return st == CLR_EMEMORY ? st : CLR_OK;
}

static bool is_file(const char *path)
{
    struct stat attributes;
    return !stat(path, &attributes) && S_ISREG(attributes.st_mode);
}

static clr_status add_folder(clr_report *report, const char *folder)
{
    char **paths = NULL;
    int n;
    clr_status st = clr_results_list(folder, &paths, &n);

    if (st == CLR_OK && !n)
        st = clr_fail(CLR_EINPUT, "%s: is no run directory (it has no file `config`), and there is none in it", folder);
    for (int i = 0; i < n && st == CLR_OK; i++)
        st = add(report, paths[i]);
    clr_results_free_paths(paths, n);
    return st;
}

/* NAME of "jobs/tables/NAME.tsv"; freed by clr_free. */
static char *name_of(const char *table)
{
    const char *slash = strrchr(table, '/'), *name = slash ? slash + 1 : table, *dot = strrchr(name, '.');

    return clr_text("%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

/* The rows of a table, in its order, whether or not somebody has begun them. */
static clr_status add_table(clr_report *report, const char *path, const clr_report_config *config)
{
    clr_status st = report->table.rows ? clr_fail(CLR_EUSAGE, "%s: is the second table; a report has one", path)
                                       : clr_table_file_read(path, config->scale, &report->table);
    char *name = name_of(path), *folder;
    bool other = report->table.scales && strcmp(config->scale, "small"); /* as jobs/ablation.sh names its folder */

    folder = config->runs ? clr_copy_text(config->runs)
                          : clr_text("runs/%s%s%s", name, other ? "-" : "", other ? config->scale : "");

    for (int i = 0; i < report->table.rows && st == CLR_OK; i++) {
        char *run = clr_text("%s/%s", folder, report->table.row[i]);
        st = add(report, run);
        clr_free(run);
    }
    if (st == CLR_OK && !report->table.title)
        report->table.title = clr_copy_text(name);
    clr_free(name);
    clr_free(folder);
    return st;
}

clr_status clr_report_read(const char *const *paths, int n, const clr_report_config *config, clr_report *report)
{
    clr_status st = CLR_OK;

    *report = (clr_report){0};
    for (int i = 0; i < n && st == CLR_OK; i++) {
        bool run;
        st = clr_result_is_run(paths[i], &run);
        if (st == CLR_OK)
            st = run                 ? add(report, paths[i])
                 : is_file(paths[i]) ? add_table(report, paths[i], config)
                                     : add_folder(report, paths[i]);
    }
    clr_report_judge(report);
    return st;
}

void clr_report_free(clr_report *report)
{
    for (int i = 0; i < report->runs; i++) {
        clr_reported *r = &report->run[i];
        clr_result_free(&r->result);
        clr_free(r->config);
        clr_free(r->trouble);
        clr_settings_free(&r->settings);
        clr_tsv_free(&r->metrics);
        clr_tsv_free(&r->probes);
        clr_history_free(&r->history);
    }
    clr_table_file_free(&report->table);
    clr_free(report->run);
    *report = (clr_report){0};
}
