/* SPDX-License-Identifier: BSD-3-Clause */
/* Gaussian noise, its deviation uniform in [0, 0.1] or up to the one given; the noise of pixel i is a draw of a
   stream of its own. */
#include "tools.h"

static clr_status parse(const char *text, clr_augment_step *step)
{
    return clr_augment_number("noise", text, 0.1, 0, 1, &step->number[0]);
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    (void)height, (void)width, (void)size;
    draws[0] = 1;
    draws[1] = clr_rng_between(rng, 0, step->number[0]);
    draws[2] = clr_rng_u32(rng);
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    int64_t n = (int64_t)canvas->height * canvas->width * canvas->channels;
    clr_rng rng = clr_rng_for((uint64_t)draws[2], 0, 0, 0, 0);

    (void)step, (void)size;
    for (int64_t i = 0; i < n; i++)
        canvas->pixels[i] = clr_clip(canvas->pixels[i] + (float)(draws[1] * clr_rng_normal(&rng)));
}

const clr_augment_op clr_augment_noise = {.name = "noise",
                                          .arguments = ":0.1",
                                          .help = "Gaussian noise of up to this deviation",
                                          .parse = parse,
                                          .draw = draw,
                                          .apply = apply};
