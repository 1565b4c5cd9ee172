/* SPDX-License-Identifier: BSD-3-Clause */
/* Sobel filtering: sqrt(gx^2 + gy^2) / 4 of each channel with the 3x3 kernels (1 2 1) x (-1 0 1); edges repeat. */
#include "tools.h"

#include <math.h>

static clr_status parse(const char *text, clr_augment_step *step)
{
    return clr_augment_number("sobel", text, 0.5, 0, 1, &step->number[0]);
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    (void)height, (void)width, (void)size;
    draws[0] = clr_rng_uniform(rng) < step->number[0];
}

static float at(const clr_canvas *canvas, int y, int x, int k)
{
    y = y < 0 ? 0 : y >= canvas->height ? canvas->height - 1 : y;
    x = x < 0 ? 0 : x >= canvas->width ? canvas->width - 1 : x;
    return canvas->pixels[((int64_t)y * canvas->width + x) * canvas->channels + k];
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    (void)step, (void)draws, (void)size;
    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++)
            for (int k = 0; k < canvas->channels; k++) {
                float gx = 0, gy = 0;
                for (int t = -1; t <= 1; t++) {
                    float weight = t ? 1 : 2;
                    gx += weight * (at(canvas, y + t, x + 1, k) - at(canvas, y + t, x - 1, k));
                    gy += weight * (at(canvas, y + 1, x + t, k) - at(canvas, y - 1, x + t, k));
                }
                canvas->spare[((int64_t)y * canvas->width + x) * canvas->channels + k] =
                    clr_clip(sqrtf(gx * gx + gy * gy) / 4);
            }
    clr_canvas_swap(canvas);
}

const clr_augment_op clr_augment_sobel = {
    .name = "sobel", .arguments = ":0.5", .help = "edges", .parse = parse, .draw = draw, .apply = apply};
