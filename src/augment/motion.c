/* SPDX-License-Identifier: BSD-3-Clause */
/* Motion blur with probability 0.5: the mean of 2 r + 1 points a pixel apart on a line through the pixel, r the radius
   of the kernel of blur, its direction uniform in half a turn; points between pixels are bilinear, and edges repeat. */
#include "tools.h"

#include "clr/log.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

static clr_status parse(const char *text, clr_augment_step *step)
{
    return clr_augment_number("motion", text, 0.5, 0, 1, &step->number[0]);
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    (void)height, (void)width, (void)size;
    draws[0] = clr_rng_uniform(rng) < step->number[0];
    draws[1] = clr_rng_between(rng, 0, PI);
}

static int inside(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* out += weight times the canvas moved by (dy, dx). */
static void add_moved(const clr_canvas *canvas, double dy, double dx, float weight, float *out)
{
    int c = canvas->channels, h = canvas->height, w = canvas->width, y0 = (int)floor(dy), x0 = (int)floor(dx);
    float fy = (float)(dy - y0), fx = (float)(dx - x0);

    for (int y = 0; y < h; y++) {
        const float *upper = canvas->pixels + (int64_t)inside(y + y0, h) * w * c;
        const float *lower = canvas->pixels + (int64_t)inside(y + y0 + 1, h) * w * c;
        for (int x = 0; x < w; x++) {
            int left = inside(x + x0, w) * c, right = inside(x + x0 + 1, w) * c;
            for (int k = 0; k < c; k++)
                out[((int64_t)y * w + x) * c + k] +=
                    weight * ((1 - fy) * ((1 - fx) * upper[left + k] + fx * upper[right + k]) +
                              fy * ((1 - fx) * lower[left + k] + fx * lower[right + k]));
        }
    }
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    int64_t n = (int64_t)canvas->height * canvas->width * canvas->channels;
    int radius = size / 10 / 2;

    (void)step;
    if (!radius)
        clr_warn_once("motion", "views of %d pixels are too small to blur: 'motion' changes nothing below 20", size);
    clr_canvas_clip(canvas);
    for (int64_t i = 0; i < n; i++)
        canvas->spare[i] = 0;
    for (int t = -radius; t <= radius; t++)
        add_moved(canvas, t * sin(draws[1]), t * cos(draws[1]), 1.0f / (float)(2 * radius + 1), canvas->spare);
    clr_canvas_swap(canvas);
    clr_canvas_clip(canvas);
}

const clr_augment_op clr_augment_motion = {.name = "motion",
                                           .arguments = ":0.5",
                                           .help = "blur along a line, in any direction",
                                           .parse = parse,
                                           .draw = draw,
                                           .apply = apply};
