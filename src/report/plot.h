/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PLOT_H
#define CLR_PLOT_H
/* Plots, drawn by gnuplot's SVG terminal. gnuplot runs what stands in backquotes and expands @names, so nothing but
   numbers and words of this program reaches it. Local. */
#include "clr/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum clr_curve_kind {
    CLR_CURVE_LINE,
    CLR_CURVE_DASHED,
    CLR_CURVE_POINTS,
    CLR_CURVE_BOTH,
    CLR_CURVE_DOTS
} clr_curve_kind;

typedef struct clr_curve {
    double *x, *y; /* NaN parts a curve */
    int64_t n;
    int colour; /* of the style's twelve; -1: the ink's */
    clr_curve_kind kind;
} clr_curve;

typedef struct clr_plot {
    const char *label;  /* of the picture, for who cannot see it */
    const char *x, *y;  /* of the axes, as ticks. NULL: no axes at all */
    const char *format; /* of the numbers along y, "%g" */
    bool log_x;
    double low, high;     /* of y; NaN: as the data have it */
    double x_low, x_high; /* the same */
    int width, height;    /* 0: 460 x 300 */
    char *const *tick;    /* words at 0, 1, ... of x instead of numbers; letters that gnuplot might take are replaced */
    int ticks;
    const clr_curve *curve;
    int curves;
    const char *inside; /* SVG that comes last, in pixels of the picture; NULL: none */
} clr_plot;

/* Whether there is a gnuplot. */
bool clr_plot_possible(void);

/* An <svg> for the inside of a page, whose style has its colours. CLR_EIO: gnuplot failed. */
clr_status clr_plot_svg(const clr_plot *plot, FILE *to);

/* gnuplot's SVG without what the page does not need: identifiers, namespaces, metadata, empty groups; its marks as
   circles, its colours as variables of the style. */
void clr_svg_clean(const char *svg, const char *label, const char *inside, FILE *to);

#endif
