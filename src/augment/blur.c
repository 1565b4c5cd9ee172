/* SPDX-License-Identifier: BSD-3-Clause */
/* Gaussian blur with probability 0.5: sigma uniform in [0.1, 2], 2 floor(floor(side / 10) / 2) + 1 taps, exp(-i^2 /
   2 sigma^2) normalised, rows and columns; outside is zero. Clipped to [0, 1] before and after. */
#include "tools.h"

#include "clr/log.h"

#include <math.h>
#include <string.h>

enum { RADIUS = 64 };

static clr_status parse(const char *text, clr_augment_step *step)
{
    return clr_augment_number("blur", text, 0.5, 0, 1, &step->number[0]);
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    (void)height, (void)width, (void)size;
    draws[0] = clr_rng_uniform(rng) < step->number[0];
    draws[1] = clr_rng_between(rng, 0.1, 2);
}

/* One pass along an axis: n pixels of `step` floats, `lines` of them `line` floats apart; out of range is zero. */
static void pass(const float *in, float *out, int n, int64_t step, int lines, int64_t line, int width,
                 const float *weight, int radius)
{
    for (int l = 0; l < lines; l++)
        for (int i = 0; i < n; i++) {
            float *restrict to = out + l * line + i * step;
            memset(to, 0, (size_t)width * sizeof *to);
            for (int t = -radius; t <= radius; t++) {
                if (i + t < 0 || i + t >= n)
                    continue;
                const float *from = in + l * line + (i + t) * step;
                float w = weight[t + radius];
                for (int k = 0; k < width; k++)
                    to[k] += w * from[k];
            }
        }
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    int radius = size / 10 / 2, c = canvas->channels, row = canvas->width * c;
    float weight[2 * RADIUS + 1];
    double sum = 0;

    (void)step;
    if (!radius) {
        clr_warn_once("blur", "views of %d pixels are too small to blur: 'blur' changes nothing below 20", size);
        clr_canvas_clip(canvas);
        return;
    }
    radius = radius < RADIUS ? radius : RADIUS;
    for (int t = -radius; t <= radius; t++)
        sum += exp(-t * t / (2 * draws[1] * draws[1]));
    for (int t = -radius; t <= radius; t++)
        weight[t + radius] = (float)(exp(-t * t / (2 * draws[1] * draws[1])) / sum);
    clr_canvas_clip(canvas);
    pass(canvas->pixels, canvas->spare, canvas->width, c, canvas->height, row, c, weight, radius);
    pass(canvas->spare, canvas->pixels, canvas->height, row, 1, 0, row, weight, radius);
    clr_canvas_clip(canvas);
}

const clr_augment_op clr_augment_blur = {.name = "blur",
                                         .arguments = ":0.5",
                                         .help = "Gaussian blur, sigma 0.1 to 2",
                                         .parse = parse,
                                         .draw = draw,
                                         .apply = apply};
