/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_ENHANCE_H
#define CLR_ENHANCE_H
/* Operations of AutoAugment on a canvas of values in [0, 1], which stay there: PIL's of the same names, in numbers that
   are not rounded to bytes but where that is the operation. Local, of any number of threads. Source: PIL's ImageOps
   and ImageEnhance. */
#include "clr/augment.h"

/* The highest `bits` of 8 stay, the others become 0. */
void clr_canvas_posterize(clr_canvas *canvas, int bits);

/* Values times factor, less so much of a degenerate image that a factor of 1 changes nothing; cut to [0, 1]:
     saturation  each pixel's luma, 0.299 R + 0.587 G + 0.114 B; gray images stay
     contrast    the mean luma
     sharpness   means of 3 x 3 pixels with weight 5 of 13 in the middle; the outermost pixels stay */
void clr_canvas_saturation(clr_canvas *canvas, float factor);
void clr_canvas_contrast(clr_canvas *canvas, float factor);
void clr_canvas_sharpness(clr_canvas *canvas, float factor);

/* Each channel stretched to [0, 1]; one of a single value stays. */
void clr_canvas_autocontrast(clr_canvas *canvas);

/* x -> 1 - x */
void clr_canvas_invert(clr_canvas *canvas);

/* Each pixel becomes the one in which the centre, at (column, row), lies at column' = a column + b row + c,
   row' = d column + e row + f of by = {a, b, c, d, e, f}; outside the canvas 128 / 255. */
void clr_canvas_affine(clr_canvas *canvas, const double *by);

#endif
