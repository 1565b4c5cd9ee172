/* SPDX-License-Identifier: BSD-3-Clause */
/* Histogram equalization of each channel with probability 0.5, in bytes, as PIL's ImageOps.equalize has it: with h the
   histogram and step = (pixels - h of the largest byte that occurs) / 255 in whole numbers, byte b becomes
   (step / 2 + sum of h below b) / step, at most 255; a channel whose step is 0 stays. */
#include "tools.h"

#include <string.h>

enum { LEVELS = 256 };

static clr_status parse(const char *text, clr_augment_step *step)
{
    return clr_augment_number("equalize", text, 0.5, 0, 1, &step->number[0]);
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    (void)height, (void)width, (void)size;
    draws[0] = clr_rng_uniform(rng) < step->number[0];
}

static void equalize(float *pixels, int64_t n, int channels)
{
    int64_t histogram[LEVELS] = {0}, below = 0;
    float table[LEVELS];
    int last = 0;

    for (int64_t i = 0; i < n; i++)
        histogram[clr_byte(pixels[i * channels])]++;
    for (int b = 0; b < LEVELS; b++)
        last = histogram[b] ? b : last;
    int64_t step = (n - histogram[last]) / (LEVELS - 1);
    for (int b = 0; b < LEVELS; b++) {
        int64_t to = step ? (step / 2 + below) / step : b;
        table[b] = (float)(to < LEVELS - 1 ? to : LEVELS - 1) / (LEVELS - 1);
        below += histogram[b];
    }
    for (int64_t i = 0; i < n; i++)
        pixels[i * channels] = table[clr_byte(pixels[i * channels])];
}

void clr_canvas_equalize(clr_canvas *canvas)
{
    for (int k = 0; k < canvas->channels; k++)
        equalize(canvas->pixels + k, (int64_t)canvas->height * canvas->width, canvas->channels);
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    (void)step, (void)draws, (void)size;
    clr_canvas_equalize(canvas);
}

const clr_augment_op clr_augment_equalize = {.name = "equalize",
                                             .arguments = ":0.5",
                                             .help = "each channel's histogram made even",
                                             .parse = parse,
                                             .draw = draw,
                                             .apply = apply};
