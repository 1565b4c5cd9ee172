/* SPDX-License-Identifier: BSD-3-Clause */
/* Random crop, resized to the view. The rectangle is drawn as SimCLR's sample_distorted_bounding_box does: aspect
   uniform in [3/4, 4/3], height a whole number uniform between those of the smallest and the largest area, 100 tries,
   at least a tenth of the image. shared: both views get the same. */
#include "tools.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 100 };
static const double COVERED = 0.1;

static clr_status parse(const char *text, clr_augment_step *step)
{
    char *end;

    step->number[0] = 0.08;
    step->number[1] = 1;
    if (!text)
        return CLR_OK;
    step->number[0] = strtod(text, &end);
    if (end != text && *end == '-') {
        const char *rest = end + 1;
        step->number[1] = strtod(rest, &end);
        bool shared = !strcmp(end, ":shared");
        if (end != rest && (!*end || shared) && step->number[0] > 0 && step->number[0] <= step->number[1] &&
            step->number[1] <= 1) {
            step->shared = shared;
            return CLR_OK;
        }
    }
    return clr_fail(
        CLR_EUSAGE,
        "--augment: crop:%s: must be the smallest and largest share of the area, such as crop:0.08-1, and :shared "
        "where both views get the same crop",
        text);
}

static int offset(clr_rng *rng, int capacity)
{
    return capacity > 0 ? (int)clr_rng_below(rng, (uint32_t)capacity) : 0;
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    double whole = (double)height * width, least = step->number[0] * whole, most = step->number[1] * whole;

    (void)size;
    draws[0] = 1;
    draws[3] = height;
    draws[4] = width;
    for (int i = 0; i < TRIES; i++) {
        double aspect = clr_rng_between(rng, 3.0 / 4, 4.0 / 3);
        int low = (int)lrint(sqrt(least / aspect)), high = (int)lrint(sqrt(most / aspect));
        while (high > 0 && (high > height || lrint(high * aspect) > width))
            high--;
        low = low < high ? low : high;
        int h = low + (int)clr_rng_below(rng, (uint32_t)(high - low + 1)), w = (int)lrint(h * aspect);
        if ((double)h * w < least)
            w = (int)lrint(++h * aspect);
        if ((double)h * w > most)
            w = (int)lrint(--h * aspect);
        double area = (double)h * w;
        if (h < 1 || w < 1 || h > height || w > width || area < least || area > most || area < COVERED * whole)
            continue;
        draws[1] = offset(rng, height - h);
        draws[2] = offset(rng, width - w);
        draws[3] = h;
        draws[4] = w;
        return;
    }
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    (void)step;
    clr_canvas_resize(canvas, (int)draws[1], (int)draws[2], (int)draws[3], (int)draws[4], size);
}

const clr_augment_op clr_augment_crop = {.name = "crop",
                                         .arguments = ":0.08-1[:shared]",
                                         .help = "random crop by area, resized to the view",
                                         .parse = parse,
                                         .draw = draw,
                                         .apply = apply};
