/* SPDX-License-Identifier: BSD-3-Clause */
/* Solarize with probability 0.5: what is at least 128 of 255 is inverted, x -> 1 - x. */
#include "tools.h"

static clr_status parse(const char *text, clr_augment_step *step)
{
    return clr_augment_number("solarize", text, 0.5, 0, 1, &step->number[0]);
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    (void)height, (void)width, (void)size;
    draws[0] = clr_rng_uniform(rng) < step->number[0];
}

void clr_canvas_solarize(clr_canvas *canvas, int from)
{
    int64_t n = (int64_t)canvas->height * canvas->width * canvas->channels;
    float threshold = ((float)from - 0.5f) / 255; /* between two bytes */

    for (int64_t i = 0; i < n; i++) {
        float x = clr_clip(canvas->pixels[i]);
        canvas->pixels[i] = x < threshold ? x : 1 - x;
    }
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    (void)step, (void)draws, (void)size;
    clr_canvas_solarize(canvas, 128);
}

const clr_augment_op clr_augment_solarize = {.name = "solarize",
                                             .arguments = ":0.5",
                                             .help = "bright values inverted",
                                             .parse = parse,
                                             .draw = draw,
                                             .apply = apply};
