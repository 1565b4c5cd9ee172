/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_GRID_H
#define CLR_GRID_H
/* A table of the report, once for all its forms: HTML, text, TSV. Local. */
#include <stdbool.h>
#include <stdio.h>

typedef struct clr_grid {
    char **name, **title; /* a column's name in TSV, and for people */
    char **cell;          /* (columns, rows); "" where nothing is known */
    int columns, room, rows;
} clr_grid;

/* Without columns. Freed by clr_grid_free. */
clr_grid clr_grid_of(int rows);
void clr_grid_free(clr_grid *grid); /* accepts a zeroed one */

/* Adds a column, and returns its number. */
int clr_grid_column(clr_grid *grid, const char *name, const char *title);

/* Fills a cell, by printf; a number that is not known leaves it empty. */
void clr_grid_put(clr_grid *grid, int row, int column, const char *format, ...) __attribute__((format(printf, 4, 5)));
void clr_grid_put_number(clr_grid *grid, int row, int column, const char *format, double x);

/* A cell's text, the grid's. */
const char *clr_grid_at(const clr_grid *grid, int row, int column);

/* Whether all that stands in a column are numbers. */
bool clr_grid_is_number(const clr_grid *grid, int column);

/* A header line, then a line a row: what would part cells or lines becomes '?'. */
void clr_grid_tsv(const clr_grid *grid, FILE *to);

/* For people: columns aligned, each as wide as its widest cell, blanks between. */
void clr_grid_text(const clr_grid *grid, FILE *to);

#endif
