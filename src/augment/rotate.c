/* SPDX-License-Identifier: BSD-3-Clause */
/* A rotation by 0, 90, 180 or 270 degrees, each as likely, or always by the one given; what is not square becomes a
   view first. */
#include "tools.h"

#include <string.h>

static clr_status parse(const char *text, clr_augment_step *step)
{
    step->number[0] = !text ? 0 : !strcmp(text, "90") ? 1 : !strcmp(text, "180") ? 2 : !strcmp(text, "270") ? 3 : -1;
    return step->number[0] < 0 ? clr_fail(CLR_EUSAGE, "--augment: rotate:%s: must be 90, 180 or 270", text) : CLR_OK;
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    (void)height, (void)width, (void)size;
    draws[0] = step->number[0] > 0 ? step->number[0] : clr_rng_below(rng, 4);
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    int turns = (int)draws[0], c = canvas->channels;

    (void)step;
    if (canvas->height != canvas->width)
        clr_canvas_resize(canvas, 0, 0, canvas->height, canvas->width, size);
    int n = canvas->height;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            int from_y = turns == 1   ? x
                         : turns == 2 ? n - 1 - y
                                      : n - 1 - x,
                from_x = turns == 1   ? n - 1 - y
                         : turns == 2 ? n - 1 - x
                                      : y;
            for (int k = 0; k < c; k++)
                canvas->spare[((int64_t)y * n + x) * c + k] = canvas->pixels[((int64_t)from_y * n + from_x) * c + k];
        }
    clr_canvas_swap(canvas);
}

const clr_augment_op clr_augment_rotate = {.name = "rotate",
                                           .arguments = "",
                                           .help = "by quarters of a turn; rotate:90, 180 or 270: always by that",
                                           .parse = parse,
                                           .draw = draw,
                                           .apply = apply};
