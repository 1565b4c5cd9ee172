/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_AUGMENT_TOOLS_H
#define CLR_AUGMENT_TOOLS_H
/* What several operators share. Local. */
#include "clr/augment.h"

/* Rectangle (y, x, h, w) of the canvas -> size x size: bicubic (Keys, a = -1/2), half-pixel centres, taps outside
   the rectangle left out and the others' weights renormalised, no antialiasing. */
void clr_canvas_resize(clr_canvas *canvas, int y, int x, int h, int w, int size);

/* The one number of "name:0.5", within [low, high]; initial where text is NULL. */
clr_status clr_augment_number(const char *name, const char *text, double initial, double low, double high,
                              double *number);

/* x, cut to [0, 1]. */
static inline float clr_clip(float value)
{
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

/* Every value cut to [0, 1]. */
static inline void clr_canvas_clip(clr_canvas *canvas)
{
    int64_t n = (int64_t)canvas->height * canvas->width * canvas->channels;

    for (int64_t i = 0; i < n; i++)
        canvas->pixels[i] = clr_clip(canvas->pixels[i]);
}

/* The byte that is nearest to x in [0, 1]. */
static inline int clr_byte(float value)
{
    return (int)(clr_clip(value) * 255 + 0.5f);
}

/* Bytes from `from` on become 255 - byte: in numbers between bytes, x -> 1 - x from (from - 1/2) / 255 on. */
void clr_canvas_solarize(clr_canvas *canvas, int from);

/* Each channel's histogram made even (equalize.c). */
void clr_canvas_equalize(clr_canvas *canvas);

/* Exchanges canvas and spare: the operator has drawn its result into spare. */
static inline void clr_canvas_swap(clr_canvas *canvas)
{
    float *swap = canvas->pixels;

    canvas->pixels = canvas->spare;
    canvas->spare = swap;
}

#endif
