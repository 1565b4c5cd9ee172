/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_MATRIX_H
#define CLR_MATRIX_H
/* Matrices as tables whose cells are coloured by their numbers, which are in them too. Local. */
#include "model.h"

/* The composition matrix: of runs named A+B the accuracy in row A and column B, of runs named A in the diagonal, and
   the paper's beside it. Nothing where fewer than three runs have such names. */
void clr_matrix(const clr_report *report, FILE *to);

/* A matrix (n, m) with names of rows and columns. NaN: an empty cell. */
typedef struct clr_heat {
    const char *caption;
    int decimals; /* of a number: 0 or 1 */
    char *const *row, *const *column;
    int rows, columns;
    const double *value;
} clr_heat;
void clr_heat_table(const clr_heat *heat, FILE *to);

#endif
