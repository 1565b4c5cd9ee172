/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics.tsv. On resume the rows up to the checkpoint's step are copied to a new file, by the names of their
   columns, and this takes the old one's place; where anything else than later rows would be gone with that, the old one
   is kept beside it. */
#include "clr/metrics.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAITING = 1 << 20, LINE = 4096, CELLS = 128, FIELDS = sizeof(clr_metrics_row) / sizeof(double) };

#define NAME(name) #name "\t"
#define WORD(name) #name,
static const char header[] = CLR_METRICS(NAME);

static clr_status failed(const char *path)
{
    return clr_fail(CLR_EIO, "%s: cannot be written: %s", path, strerror(errno));
}

/* What the columns of a file are: the file's own header says it, for files of other versions have others. */
typedef struct layout {
    int columns, field[CELLS]; /* the place of column i among ours; -1: not one of ours */
    bool foreign;              /* there are such, or one of ours twice */
} layout;

static const char *const names[] = {CLR_METRICS(WORD)};

static layout own_layout(void)
{
    layout own = {.columns = FIELDS};

    for (int i = 0; i < FIELDS; i++)
        own.field[i] = i;
    return own;
}

/* Cuts a line at its tabs; returns the number of cells, of which at most CELLS are noted. */
static int cut(char *line, char *cell[CELLS])
{
    int n = 0;

    for (char *at = line; at; n++) {
        char *tab = strchr(at, '\t');
        if (n < CELLS)
            cell[n] = at;
        if (tab)
            *tab++ = 0;
        at = tab;
    }
    return n;
}

/* A header names the steps; false: it is none. */
static bool read_header(char *line, layout *columns)
{
    char *cell[CELLS];
    layout found = {.columns = cut(line + strspn(line, "# "), cell)};
    bool known[FIELDS] = {false};

    for (int i = 0; i < found.columns && i < CELLS; i++) {
        int f = 0;
        while (f < FIELDS && strcmp(cell[i], names[f]))
            f++;
        found.field[i] = f < FIELDS && !known[f] ? f : -1;
        found.foreign = found.foreign || found.field[i] < 0;
        if (f < FIELDS)
            known[f] = true;
    }
    if (!known[0] || found.columns > CELLS)
        return false;
    *columns = found;
    return true;
}

/* A line cut into our columns; value NULL where the file lacks one. */
static bool read_row(char *line, const layout *columns, const char *value[FIELDS], clr_metrics_row *row)
{
    double *number = (double *)row;
    char *cell[CELLS], *end;

    if (cut(line, cell) != columns->columns)
        return false;
    for (int f = 0; f < FIELDS; f++) {
        value[f] = NULL;
        number[f] = NAN;
    }
    for (int i = 0; i < columns->columns; i++) {
        double x = strtod(cell[i], &end);
        if (end == cell[i] || *end)
            return false;
        if (columns->field[i] >= 0) {
            value[columns->field[i]] = cell[i];
            number[columns->field[i]] = x;
        }
    }
    return row->step >= 1 && row->step == floor(row->step);
}

/* The next line, without its end, or as much of it as fits; false at the end of the file. *whole: it has an end,
   fits and is text. */
static bool next_line(FILE *from, char line[LINE], bool *whole)
{
    int n = 0, c;

    *whole = true;
    while ((c = getc_unlocked(from)) != EOF && c != '\n') {
        *whole = *whole && c && n < LINE - 1;
        if (n < LINE - 1)
            line[n++] = (char)c;
    }
    *whole = *whole && c != EOF;
    bool any = n || c != EOF;
    n -= n && line[n - 1] == '\r';
    line[n] = 0;
    return any;
}

/* Copies the rows that stay, in our columns. *lost: lines that are no rows, and whatever else stays behind. */
static clr_status copy_rows(const char *path, int64_t step, FILE *to, clr_metrics_row *last, int64_t *lost)
{
    FILE *from;
    layout columns = own_layout();
    const char *value[FIELDS];
    clr_metrics_row row;
    char line[LINE];
    bool whole, torn = false;

    clr_status st = clr_plain_stream(path, &from);
    if (st != CLR_OK || !from)
        return st;
    while (next_line(from, line, &whole)) {
        if (!whole && feof(from)) {
            torn = true; /* of a later row, where all others are there */
        } else if (whole && (*line == '#' || !strncmp(line, "step\t", 5))) {
            *lost += !read_header(line, &columns) || columns.foreign;
        } else if (!whole || (*line && !read_row(line, &columns, value, &row)) ||
                   (*line && (row.step <= last->step || step < 0))) {
            ++*lost;
        } else if (*line && row.step <= (double)step) {
            for (int f = 0; f < FIELDS; f++)
                fprintf(to, "%s%s", f ? "\t" : "", value[f] ? value[f] : "nan");
            fputc('\n', to);
            *last = row;
        }
    }
    *lost += torn && last->step < (double)step;
    int error = ferror(from) ? errno : 0;
    fclose(from);
    return error ? clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(error)) : CLR_OK;
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

clr_status clr_metrics_open(const char *path, int64_t step, clr_metrics *metrics, clr_metrics_row *last)
{
    clr_metrics_row none = {0}, *kept = last ? last : &none;
    clr_output output;
    int64_t lost = 0;

    *metrics = (clr_metrics){.file = -1};
    *kept = (clr_metrics_row){0};
    clr_status st = clr_output_open_plain(path, &output);
    if (st != CLR_OK)
        return st;
    fprintf(output.file, "# %.*s\n", (int)sizeof header - 2, header);
    st = copy_rows(path, step, output.file, kept, &lost);
    if (st == CLR_OK && lost)
        st = set_aside(path);
    clr_status end = clr_output_end(&output, st == CLR_OK);
    st = st == CLR_OK ? end : st;
    if (st == CLR_OK)
        st = clr_plain_open(path, O_WRONLY | O_APPEND | O_CREAT, &metrics->file);
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
        else if (n == 0 || errno != EINTR) {
            errno = n ? errno : ENOSPC;
            return failed(metrics->path);
        }
    }
    return CLR_OK;
}

clr_status clr_metrics_add(clr_metrics *metrics, const clr_metrics_row *row)
{
    const double *value = (const double *)row;

    if (metrics->used > WAITING - LINE && clr_metrics_sync(metrics) != CLR_OK)
        return clr_fail(CLR_EIO, "%s: thousands of rows wait to be written; is the disk full?", metrics->path);
    for (int i = 0; i < FIELDS; i++)
        metrics->used += (size_t)snprintf(metrics->waiting + metrics->used, WAITING - metrics->used,
                                          i ? "\t%.7g" : "%.0f", value[i]);
    metrics->waiting[metrics->used++] = '\n';
    if (flush(metrics) != CLR_OK)
        clr_warn_once("metrics", "%s; its rows wait in memory", clr_message());
    return CLR_OK;
}

/* Where the disk refuses late (quotas of network file systems), what it may have kept of the rows is cut off, and
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
    if (metrics->path)
        close(metrics->file);
    clr_free(metrics->path);
    clr_free(metrics->waiting);
    *metrics = (clr_metrics){.file = -1};
}
