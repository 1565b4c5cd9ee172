/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics.tsv. On resume the rows up to the checkpoint's step are copied to a new file, by the names of their
   columns, and this takes the old one's place; where anything else than later rows would be gone with that, the old one
   is kept beside it. */
#include "clr/metrics.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/plain.h"
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WAITING = 1 << 20, LINE = 4096, CELLS = CLR_METRICS_COLUMNS };

static clr_status failed(const char *path)
{
    return clr_fail(CLR_EIO, "%s: cannot be written: %s", path, strerror(errno));
}

/* PATH as it is, under a name that is free. */
static clr_status set_aside(const char *path)
{
    clr_output output;
    char *aside = NULL, piece[LINE];
    size_t n;

    for (int i = 1; !aside; i++) {
        aside = clr_text("%s.%d", path, i);
        if (!access(aside, F_OK))
            clr_free(aside), aside = NULL;
    }
    FILE *from;
    clr_status st = clr_plain_stream(path, &from);
    if (st == CLR_OK)
        st = from ? clr_output_open_plain(aside, &output) : clr_fail(CLR_EIO, "%s: has gone while it was read", path);
    if (st == CLR_OK) {
        while ((n = fread(piece, 1, sizeof piece, from)))
            fwrite(piece, 1, n, output.file);
        int error = ferror(from) ? errno : 0;
        st = clr_output_end(&output, !error);
        st = error ? clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(error)) : st;
    }
    if (from)
        fclose(from);
    if (st == CLR_OK)
        clr_warn("%s: holds more than this run's rows in this version's columns; as it was, it is kept as %s", path,
                 aside);
    clr_free(aside);
    return st;
}

/* Writes a new file in the place of PATH: the header and the rows that are kept. */
static clr_status rewrite(const clr_metrics *metrics, int64_t step, double *last)
{
    const char *path = metrics->path;
    clr_output output;
    int64_t lost = 0;

    clr_status st = clr_output_open_plain(path, &output);
    if (st != CLR_OK)
        return st;
    for (int i = 0; i < metrics->columns; i++)
        fprintf(output.file, "%s%s", i ? "\t" : "# ", metrics->column[i]);
    fputc('\n', output.file);
    st = clr_rows_copy(metrics, step, output.file, last, &lost);
    if (st == CLR_OK && lost)
        st = set_aside(path);
    clr_status end = clr_output_end(&output, st == CLR_OK);
    return st == CLR_OK ? end : st;
}

clr_status clr_metrics_open(const char *path, const char *const *column, int columns, int64_t step,
                            clr_metrics *metrics, double *last)
{
    double none[CELLS], *kept = last ? last : none;

    CLR_CHECK(columns >= 1 && columns <= CELLS);
    *metrics = (clr_metrics){.file = -1, .columns = columns};
    metrics->path = clr_copy_text(path);
    metrics->column = CLR_NEW(const char *, columns);
    memcpy(metrics->column, column, (size_t)columns * sizeof *column);
    memset(kept, 0, (size_t)columns * sizeof *kept);
    clr_status st = rewrite(metrics, step, kept);
    if (st == CLR_OK)
        st = clr_plain_open(path, O_WRONLY | O_APPEND | O_CREAT, &metrics->file);
    if (st != CLR_OK) {
        clr_metrics_close(metrics);
        return st;
    }
    if (kept[0] < (double)step)
        clr_warn("%s: the rows of steps %.0f to %lld are not there", path, kept[0] + 1, (long long)step);
    metrics->synced = lseek(metrics->file, 0, SEEK_END);
    metrics->waiting = CLR_NEW(char, WAITING);
    return CLR_OK;
}

/* Writes the pending rows, as far as the disk takes them. */
static clr_status flush(clr_metrics *metrics)
{
    while (metrics->written < metrics->used) {
        ssize_t n = write(metrics->file, metrics->waiting + metrics->written, metrics->used - metrics->written);
        if (n > 0)
            metrics->written += (size_t)n;
        else if (n == 0 || errno != EINTR) {
            errno = n ? errno : ENOSPC;
            return failed(metrics->path);
        }
    }
    return CLR_OK;
}

clr_status clr_metrics_add(clr_metrics *metrics, const double *row)
{
    if (metrics->used > WAITING - LINE && clr_metrics_sync(metrics) != CLR_OK)
        return clr_fail(CLR_EIO, "%s: thousands of rows wait to be written; is the disk full?", metrics->path);
    for (int i = 0; i < metrics->columns; i++)
        metrics->used +=
            (size_t)snprintf(metrics->waiting + metrics->used, WAITING - metrics->used, i ? "\t%.7g" : "%.0f", row[i]);
    metrics->waiting[metrics->used++] = '\n';
    if (flush(metrics) != CLR_OK)
        clr_warn_once("metrics", "%s; its rows wait in memory", clr_message());
    return CLR_OK;
}

/* A disk may refuse late (quotas of network file systems). The rows that it may have kept in part are cut off, and
   all are written again. */
clr_status clr_metrics_sync(clr_metrics *metrics)
{
    clr_status st = flush(metrics);

    if (st != CLR_OK)
        return st;
    if ((errno = clr_plain_sync(metrics->file, false))) {
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
    if (metrics->path && metrics->file >= 0)
        close(metrics->file);
    clr_free(metrics->path);
    clr_free(metrics->column);
    clr_free(metrics->waiting);
    *metrics = (clr_metrics){.file = -1};
}
