/* SPDX-License-Identifier: BSD-3-Clause */
/* Mirrored left to right with probability 1/2, or the one given. */
#include "tools.h"

static clr_status parse(const char *text, clr_augment_step *step)
{
    return clr_augment_number("flip", text, 0.5, 0, 1, &step->number[0]);
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    (void)height, (void)width, (void)size;
    draws[0] = clr_rng_uniform(rng) < step->number[0];
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    int c = canvas->channels;

    (void)step, (void)draws, (void)size;
    for (int y = 0; y < canvas->height; y++) {
        float *row = canvas->pixels + (int64_t)y * canvas->width * c;
        for (int left = 0, right = canvas->width - 1; left < right; left++, right--)
            for (int k = 0; k < c; k++) {
                float swap = row[left * c + k];
                row[left * c + k] = row[right * c + k];
                row[right * c + k] = swap;
            }
    }
}

const clr_augment_op clr_augment_flip = {
    .name = "flip", .arguments = ":0.5", .help = "left to right", .parse = parse, .draw = draw, .apply = apply};
