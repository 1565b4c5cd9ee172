/* SPDX-License-Identifier: BSD-3-Clause */
/* Gray with probability 0.2: 0.2989 R + 0.5870 G + 0.1140 B in all channels. */
#include "tools.h"

static clr_status parse(const char *text, clr_augment_step *step)
{
    return clr_augment_number("gray", text, 0.2, 0, 1, &step->number[0]);
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    (void)height, (void)width, (void)size;
    draws[0] = clr_rng_uniform(rng) < step->number[0];
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    int64_t n = (int64_t)canvas->height * canvas->width;

    (void)step, (void)draws, (void)size;
    for (int64_t i = 0; i < n; i++) {
        float *p = canvas->pixels + 3 * i;
        p[0] = p[1] = p[2] = clr_clip(0.2989f * p[0] + 0.5870f * p[1] + 0.1140f * p[2]);
    }
}

const clr_augment_op clr_augment_gray = {.name = "gray",
                                         .arguments = ":0.2",
                                         .help = "gray, in all channels",
                                         .parse = parse,
                                         .draw = draw,
                                         .apply = apply,
                                         .needs_colour = true};
