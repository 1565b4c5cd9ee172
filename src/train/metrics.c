/* metrics.tsv. On resume the rows up to the checkpoint's step are copied to a new file, which then takes the old one's place. */
#include "clr/metrics.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAITING = 1 << 20, LINE = 1024, FIELDS = sizeof(clr_metrics_row) / sizeof(double) };

#define NAME(name) #name "\t"
static const char header[] = CLR_METRICS(NAME);

static clr_status failed(const char *path)
{
    return clr_fail(CLR_EIO, "%s: cannot be written: %s", path, strerror(errno));
}

static bool parse(const char *line, clr_metrics_row *row)
{
    double *value = (double *)row;
    char *end;

    for (int i = 0; i < FIELDS; i++, line = end) {
        value[i] = strtod(line, &end);
        if (end == line)
            return false;
    }
    return *end == '\n';
}

/* Copies the rows that stay; a last line without its end, and any that is not a row, are dropped. */
static clr_status copy_rows(const char *path, int64_t step, FILE *to, clr_metrics_row *last)
{
    FILE *from = fopen(path, "r");
    clr_metrics_row row;
    char line[LINE];

    if (!from)
        return errno == ENOENT ? CLR_OK : clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
    while (fgets(line, sizeof line, from))
        if (parse(line, &row) && row.step > last->step && row.step <= (double)step) {
            fputs(line, to);
            *last = row;
        }
    bool bad = ferror(from);
    fclose(from);
    return bad ? clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno)) : CLR_OK;
}

clr_status clr_metrics_open(const char *path, int64_t step, clr_metrics *metrics, clr_metrics_row *last)
{
    clr_metrics_row none, *kept = last ? last : &none;
    clr_output output;

    *metrics = (clr_metrics){.file = -1};
    *kept = (clr_metrics_row){0};
    clr_status st = clr_output_open(path, &output);
    if (st != CLR_OK)
        return st;
    fprintf(output.file, "# %.*s\n", (int)sizeof header - 2, header);
    st = copy_rows(path, step, output.file, kept);
    clr_status end = clr_output_end(&output, st == CLR_OK);
    st = st == CLR_OK ? end : st;
    if (st == CLR_OK && (metrics->file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)) < 0)
        st = failed(path);
    if (st != CLR_OK)
        return st;
    if (kept->step < (double)step)
        clr_warn("%s: the rows of steps %.0f to %lld are not there", path, kept->step + 1, (long long)step);
    metrics->path = clr_copy_text(path);
    metrics->synced = lseek(metrics->file, 0, SEEK_END);
    metrics->waiting = CLR_NEW(char, WAITING);
    return CLR_OK;
}

/* Writes what waits, as far as the disk lets it. */
static clr_status flush(clr_metrics *metrics)
{
    while (metrics->written < metrics->used) {
        ssize_t n = write(metrics->file, metrics->waiting + metrics->written, metrics->used - metrics->written);
        if (n > 0)
            metrics->written += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return failed(metrics->path);
    }
    return CLR_OK;
}

clr_status clr_metrics_add(clr_metrics *metrics, const clr_metrics_row *row)
{
    const double *value = (const double *)row;

    if (metrics->used > WAITING - LINE && clr_metrics_sync(metrics) != CLR_OK)
        return clr_fail(CLR_EIO, "%s: thousands of rows wait to be written; is the disk full?", metrics->path);
    for (int i = 0; i < FIELDS; i++)
        metrics->used += (size_t)snprintf(metrics->waiting + metrics->used, WAITING - metrics->used, i ? "\t%.7g" : "%.0f", value[i]);
    metrics->waiting[metrics->used++] = '\n';
    if (flush(metrics) != CLR_OK)
        clr_warn_once("metrics", "%s; its rows wait in memory", clr_message());
    return CLR_OK;
}

/* Where the disk refuses late (quotas of network file systems), what it may have kept of the rows is cut off, and all are written again. */
clr_status clr_metrics_sync(clr_metrics *metrics)
{
    clr_status st = flush(metrics);

    if (st != CLR_OK)
        return st;
    if (fsync(metrics->file)) {
        st = failed(metrics->path);
        if (!ftruncate(metrics->file, metrics->synced))
            metrics->written = 0;
        return st;
    }
    metrics->synced += (int64_t)metrics->used;
    metrics->used = metrics->written = 0;
    return CLR_OK;
}

void clr_metrics_close(clr_metrics *metrics)
{
    if (metrics->path)
        close(metrics->file);
    clr_free(metrics->path);
    clr_free(metrics->waiting);
    *metrics = (clr_metrics){.file = -1};
}
