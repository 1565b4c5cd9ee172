/* SPDX-License-Identifier: BSD-3-Clause */
#include "rows.h"

#include "clr/plain.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 4096, CELLS = CLR_METRICS_COLUMNS };

/* The columns of a file, from its own header, because files of other versions have other columns. */
typedef struct layout {
    int columns, field[CELLS]; /* the place of column i among ours; -1: not one of ours */
    bool foreign;              /* there are such, or one of ours twice */
} layout;

static layout own_layout(int columns)
{
    layout own = {.columns = columns};

    for (int i = 0; i < columns; i++)
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
static bool read_header(const clr_metrics *metrics, char *line, layout *columns)
{
    char *cell[CELLS];
    layout found = {.columns = cut(line + strspn(line, "# "), cell)};
    bool known[CELLS] = {false};

    for (int i = 0; i < found.columns && i < CELLS; i++) {
        int f = 0;
        while (f < metrics->columns && strcmp(cell[i], metrics->column[f]))
            f++;
        found.field[i] = f < metrics->columns && !known[f] ? f : -1;
        found.foreign = found.foreign || found.field[i] < 0;
        if (f < metrics->columns)
            known[f] = true;
    }
    if (!known[0] || found.columns > CELLS)
        return false;
    *columns = found;
    return true;
}

/* A line cut into our columns; value NULL where the file lacks one. */
static bool read_row(char *line, int ours, const layout *columns, const char *value[CELLS], double *number)
{
    char *cell[CELLS], *end;

    if (cut(line, cell) != columns->columns)
        return false;
    for (int f = 0; f < ours; f++) {
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
    return number[0] >= 1 && number[0] == floor(number[0]);
}

/* Reads the next line without its newline, or as much as fits; false at the end of the file. *whole: it has a
   newline, fits and is text. */
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

clr_status clr_rows_copy(const clr_metrics *metrics, int64_t step, FILE *to, double *last, int64_t *lost)
{
    FILE *from;
    int ours = metrics->columns;
    layout columns = own_layout(ours);
    const char *value[CELLS], *path = metrics->path;
    double row[CELLS];
    char line[LINE];
    bool whole, torn = false;

    clr_status st = clr_plain_stream(path, &from);
    if (st != CLR_OK || !from)
        return st;
    while (next_line(from, line, &whole)) {
        if (!whole && feof(from)) {
            torn = true; /* of a later row, where all others are there */
        } else if (whole && (*line == '#' || !strncmp(line, "step\t", 5))) {
            *lost += !read_header(metrics, line, &columns) || columns.foreign;
        } else if (!whole || (*line && !read_row(line, ours, &columns, value, row)) ||
                   (*line && (row[0] <= last[0] || step < 0))) {
            ++*lost;
        } else if (*line && row[0] <= (double)step) {
            for (int f = 0; f < ours; f++)
                fprintf(to, "%s%s", f ? "\t" : "", value[f] ? value[f] : "nan");
            fputc('\n', to);
            memcpy(last, row, (size_t)ours * sizeof *last);
        }
    }
    *lost += torn && last[0] < (double)step;
    int error = ferror(from) ? errno : 0;
    fclose(from);
    return error ? clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(error)) : CLR_OK;
}
