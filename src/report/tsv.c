/* SPDX-License-Identifier: BSD-3-Clause */
#include "tsv.h"

#include "clr/mem.h"
#include "clr/plain.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 8192, CELL = 64 };

static void *grown(void *old, int64_t count, int64_t *room, size_t size)
{
    if (count < *room)
        return old;
    *room = *room ? 2 * *room : 16;
    void *new = clr_alloc((size_t)*room, size);
    if (count)
        memcpy(new, old, (size_t)count * size);
    clr_free(old);
    return new;
}

static void add_header(clr_tsv *tsv, const char *line)
{
    char **header = CLR_NEW(char *, tsv->headers + 1);

    for (int i = 0; i < tsv->headers; i++)
        header[i] = tsv->header[i];
    header[tsv->headers++] = clr_copy_text(line + strspn(line, "# "));
    clr_free(tsv->header);
    tsv->header = header;
}

static void add_row(clr_tsv *tsv, const char *line, bool last)
{
    if (last && tsv->rows)
        clr_free(tsv->row[--tsv->rows].line);
    tsv->row = grown(tsv->row, tsv->rows, &tsv->room, sizeof *tsv->row);
    tsv->row[tsv->rows++] = (clr_tsv_row){clr_copy_text(line), tsv->headers - 1};
}

/* A comment names columns where it has several. */
static bool is_header(const clr_tsv *tsv, const char *line)
{
    return *line == '#' && (strchr(line, '\t') || !tsv->headers);
}

clr_status clr_tsv_read(const char *path, bool last, clr_tsv *tsv)
{
    char line[LINE];
    FILE *from = NULL;
    int64_t bytes = 0;

    *tsv = (clr_tsv){0};
    clr_status st = clr_plain_stream(path, &from);
    while (st == CLR_OK && from && fgets(line, sizeof line, from)) {
        size_t length = strlen(line);
        if (line[length - 1] != '\n')
            continue; /* torn, or longer than any row */
        line[strcspn(line, "\r\n")] = 0;
        if (is_header(tsv, line))
            add_header(tsv, line);
        else if (*line && *line != '#' && tsv->headers)
            add_row(tsv, line, last);
        bytes += (int64_t)length + CLR_ALIGN + (int64_t)sizeof(clr_tsv_row);
        if (!last && bytes > 1 << 24 && bytes > (int64_t)clr_memory_available() / 2)
            st = clr_fail(CLR_EMEMORY, "%s: its rows do not fit into the memory", path);
    }
    if (st == CLR_OK && from && ferror(from))
        st = clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
    if (from)
        fclose(from);
    return st;
}

void clr_tsv_free(clr_tsv *tsv)
{
    for (int i = 0; i < tsv->headers; i++)
        clr_free(tsv->header[i]);
    for (int64_t i = 0; i < tsv->rows; i++)
        clr_free(tsv->row[i].line);
    clr_free(tsv->header);
    clr_free(tsv->row);
    *tsv = (clr_tsv){0};
}

/* The place of a column in a header; -1: it has none. */
static int place(const char *header, const char *column)
{
    size_t length = strlen(column);

    for (int i = 0; header; i++) {
        size_t n = strcspn(header, "\t");
        if (n == length && !strncmp(header, column, n))
            return i;
        header = header[n] ? header + n + 1 : NULL;
    }
    return -1;
}

bool clr_tsv_has(const clr_tsv *tsv, const char *column)
{
    for (int i = 0; i < tsv->headers; i++)
        if (place(tsv->header[i], column) >= 0)
            return true;
    return false;
}

/* Where the cell begins; "" where there is none. */
static const char *cell(const clr_tsv *tsv, int64_t row, const char *column)
{
    row = row < 0 ? tsv->rows - 1 : row;
    if (row < 0 || row >= tsv->rows)
        return "";
    const char *at = tsv->row[row].line;
    int i = place(tsv->header[tsv->row[row].header], column);
    if (i < 0)
        return "";
    for (; i > 0 && at; i--) {
        at = strchr(at, '\t');
        at = at ? at + 1 : NULL;
    }
    return at ? at : "";
}

const char *clr_tsv_text(const clr_tsv *tsv, int64_t row, const char *column, char *text, size_t capacity)
{
    const char *at = cell(tsv, row, column);

    snprintf(text, capacity, "%.*s", (int)strcspn(at, "\t"), at);
    return text;
}

double clr_tsv_number(const clr_tsv *tsv, int64_t row, const char *column)
{
    char text[CELL], *end;

    clr_tsv_text(tsv, row, column, text, sizeof text);
    double x = strtod(text, &end);
    return end > text && !*end ? x : NAN;
}
