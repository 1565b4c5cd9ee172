/* SPDX-License-Identifier: BSD-3-Clause */
/* A square of zeros over a quarter of the shorter side, or the share given, its centre anywhere (DeVries and Taylor
   2017). */
#include "tools.h"

#include <string.h>

static clr_status parse(const char *text, clr_augment_step *step)
{
    return clr_augment_number("cutout", text, 0.25, 0, 1, &step->number[0]);
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    (void)step, (void)size;
    draws[0] = 1;
    draws[1] = clr_rng_below(rng, (uint32_t)height);
    draws[2] = clr_rng_below(rng, (uint32_t)width);
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    int shorter = canvas->height < canvas->width ? canvas->height : canvas->width,
        side = (int)(step->number[0] * shorter + 0.5);
    int y0 = (int)draws[1] - side / 2, x0 = (int)draws[2] - side / 2;
    int left = x0 < 0 ? 0 : x0, right = x0 + side > canvas->width ? canvas->width : x0 + side;

    (void)size;
    for (int y = y0 < 0 ? 0 : y0; y < y0 + side && y < canvas->height; y++)
        memset(canvas->pixels + ((int64_t)y * canvas->width + left) * canvas->channels, 0,
               (size_t)(right - left) * (size_t)canvas->channels * sizeof(float));
}

const clr_augment_op clr_augment_cutout = {.name = "cutout",
                                           .arguments = ":0.25",
                                           .help = "a black square, its side a share of the shorter one",
                                           .parse = parse,
                                           .draw = draw,
                                           .apply = apply};
