/* SPDX-License-Identifier: BSD-3-Clause */
#include "grid.h"

#include "clr/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { CELL = 4096 };

clr_grid clr_grid_of(int rows)
{
    return (clr_grid){.rows = rows};
}

void clr_grid_free(clr_grid *g)
{
    for (int c = 0; c < g->columns; c++) {
        clr_free(g->name[c]);
        clr_free(g->title[c]);
        for (int r = 0; r < g->rows; r++)
            clr_free(g->cell[c * g->rows + r]);
    }
    clr_free(g->name);
    clr_free(g->title);
    clr_free(g->cell);
    *g = (clr_grid){0};
}

/* A copy of n pointers with room for more. */
static char **with_room(char **old, int n, int room)
{
    char **new = CLR_NEW(char *, room + 1);

    if (n)
        memcpy(new, old, (size_t)n * sizeof *new);
    clr_free(old);
    return new;
}

int clr_grid_column(clr_grid *g, const char *name, const char *title)
{
    if (g->columns == g->room) {
        g->room = g->room ? 2 * g->room : 16;
        g->name = with_room(g->name, g->columns, g->room);
        g->title = with_room(g->title, g->columns, g->room);
        g->cell = with_room(g->cell, g->columns * g->rows, g->room * g->rows);
    }
    g->name[g->columns] = clr_copy_text(name);
    g->title[g->columns] = clr_copy_text(title);
    for (int r = 0; r < g->rows; r++)
        g->cell[g->columns * g->rows + r] = clr_copy_text("");
    return g->columns++;
}

void clr_grid_put(clr_grid *g, int row, int column, const char *format, ...)
{
    char text[CELL], **cell = &g->cell[column * g->rows + row];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    clr_free(*cell);
    *cell = clr_copy_text(text);
}

void clr_grid_put_number(clr_grid *g, int row, int column, const char *format, double x)
{
    char text[64];

    snprintf(text, sizeof text, format, x);
    if (isfinite(x))
        clr_grid_put(g, row, column, "%s", text);
}

const char *clr_grid_at(const clr_grid *g, int row, int column)
{
    return g->cell[column * g->rows + row];
}

bool clr_grid_is_number(const clr_grid *g, int column)
{
    for (int r = 0; r < g->rows; r++) {
        const char *text = clr_grid_at(g, r, column);
        char *end;
        strtod(text, &end);
        if (*text && (end == text || *end))
            return false;
    }
    return true;
}

/* A cell of one line; for terminals too, which control characters would move. */
static void put_plain(const char *text, FILE *to)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, to);
}

void clr_grid_tsv(const clr_grid *g, FILE *to)
{
    for (int r = -1; r < g->rows; r++)
        for (int c = 0; c < g->columns; c++) {
            put_plain(r < 0 ? g->name[c] : clr_grid_at(g, r, c), to);
            fputc(c + 1 < g->columns ? '\t' : '\n', to);
        }
}

/* Characters of UTF-8 text, each of which takes one place in most scripts. */
static int places(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void clr_grid_text(const clr_grid *g, FILE *to)
{
    int *width = CLR_NEW(int, g->columns + 1);

    for (int c = 0; c < g->columns; c++)
        for (int r = -1; r < g->rows; r++) {
            int n = places(r < 0 ? g->title[c] : clr_grid_at(g, r, c));
            width[c] = n > width[c] ? n : width[c];
        }
    for (int r = -1; r < g->rows; r++)
        for (int c = 0; c < g->columns; c++) {
            const char *text = r < 0 ? g->title[c] : clr_grid_at(g, r, c);
            int pad = width[c] - places(text);
            bool right = clr_grid_is_number(g, c), last = c + 1 == g->columns;
            fprintf(to, "%*s", right ? pad : 0, "");
            put_plain(text, to);
            fprintf(to, "%*s%s", right || last ? 0 : pad, "", last ? "\n" : "  ");
        }
    clr_free(width);
}
