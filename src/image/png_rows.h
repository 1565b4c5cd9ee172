/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PNG_ROWS_H
#define CLR_PNG_ROWS_H
/* For png.c: from libpng's rows to pixels. All local. */
#include "clr/err.h"
#include "depth.h"

#include <png.h>
#include <stdbool.h>
#include <stdint.h>

enum { CLR_PALETTE = 256 };

/* How rows become pixels: from samples, or for a palette image from colour numbers; the colours here are already
   blended over white. */
typedef struct clr_png_recipe {
    clr_scale scale;
    bool numbered;
    int colors;
    uint8_t color[CLR_PALETTE][3], seen[CLR_DEPTH_SEEN];
} clr_png_recipe;

/* The colours of a palette image, over white, into how. */
void clr_png_palette(png_structp png, png_infop info, clr_png_recipe *how);

/* One row as libpng gives it -> pixels of out. Fails where a pixel's colour number is beyond the palette, which libpng
   itself would take for black. */
clr_status clr_png_put(const clr_png_recipe *how, uint8_t *out, const uint8_t *raw, int width);

#endif
