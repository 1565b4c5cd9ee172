/* SPDX-License-Identifier: BSD-3-Clause */
/* Colour jitter of strength s, with probability 0.8: brightness, contrast and saturation by 0.8 s, hue by 0.2 s, in
   random order, clipped to [0, 1] after each. Brightness is added, as the paper's code did; "color:1.0:multiplicative"
   multiplies, as SimCLR v2 does.
     brightness x + b, b in [-0.8 s, 0.8 s], or x b, b in [1 - 0.8 s, 1 + 0.8 s]
     contrast   (x - mean_c) f + mean_c, the mean of each channel over the image
     saturation S f, at most 1, and hue H + d in HSV. Gray images have neither. */
#include "tools.h"

#include "clr/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE, KINDS };

static clr_status parse(const char *text, clr_augment_step *step)
{
    char *end = NULL;

    step->number[0] = text ? strtod(text, &end) : 1;
    step->number[1] = text && end != text && !strcmp(end, ":multiplicative");
    if (text && (end == text || (*end && step->number[1] == 0) || !(step->number[0] >= 0 && step->number[0] <= 5)))
        return clr_fail(
            CLR_EUSAGE,
            "--augment: color:%s: must be a strength from 0 to 5, such as color:0.5 or color:0.5:multiplicative", text);
    return CLR_OK;
}

static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    double reach = 0.8 * step->number[0], low = reach < 1 ? 1 - reach : 0;
    int order[KINDS] = {BRIGHTNESS, CONTRAST, SATURATION, HUE};

    (void)height, (void)width, (void)size;
    draws[0] = clr_rng_uniform(rng) < 0.8;
    clr_rng_shuffle(rng, order, KINDS);
    for (int i = 0; i < KINDS; i++)
        draws[1 + i] = order[i];
    draws[5 + BRIGHTNESS] =
        step->number[1] != 0 ? clr_rng_between(rng, low, 1 + reach) : clr_rng_between(rng, -reach, reach);
    draws[5 + CONTRAST] = clr_rng_between(rng, low, 1 + reach);
    draws[5 + SATURATION] = clr_rng_between(rng, low, 1 + reach);
    draws[5 + HUE] = clr_rng_between(rng, -0.2 * step->number[0], 0.2 * step->number[0]);
}

static void brightness(clr_canvas *canvas, float by, bool multiplies)
{
    int64_t n = (int64_t)canvas->height * canvas->width * canvas->channels;
    float factor = multiplies ? by : 1, term = multiplies ? 0 : by;

    for (int64_t i = 0; i < n; i++)
        canvas->pixels[i] = clr_clip(canvas->pixels[i] * factor + term);
}

static void contrast(clr_canvas *canvas, float factor)
{
    int64_t n = (int64_t)canvas->height * canvas->width;
    int c = canvas->channels;

    for (int k = 0; k < c; k++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += canvas->pixels[i * c + k];
        float mean = (float)(sum / (double)n);
        for (int64_t i = 0; i < n; i++)
            canvas->pixels[i * c + k] = clr_clip((canvas->pixels[i * c + k] - mean) * factor + mean);
    }
}

/* Colour with value v, chroma v s and hue h (sixths of a turn), channel n = 5, 3, 1 for red, green, blue. */
static inline float channel(float n, float h, float v, float chroma)
{
    float k = n + h;

    k = k >= 6 ? k - 6 : k;
    float ramp = fminf(k, 4 - k);
    return v - chroma * (ramp < 0 ? 0 : ramp > 1 ? 1 : ramp);
}

/* Saturation times factor, hue plus turn (of a whole turn). */
static void recolour(clr_canvas *canvas, float factor, float turn)
{
    int64_t n = (int64_t)canvas->height * canvas->width;
    float sixths = 6 * (turn - floorf(turn));

    for (int64_t i = 0; i < n; i++) {
        float *p = canvas->pixels + 3 * i, r = p[0], g = p[1], b = p[2];
        float v = fmaxf(r, fmaxf(g, b)), chroma = v - fminf(r, fminf(g, b));
        float inverse = chroma > 0 ? 1 / chroma : 0;
        float h = v == r ? (g - b) * inverse : v == g ? (b - r) * inverse + 2 : (r - g) * inverse + 4;
        h += h < 0 ? 6 : 0;
        h += sixths;
        h -= h >= 6 ? 6 : 0;
        if (factor != 1) /* the hue leaves a saturation above 1, of bicubic overshoot, as it is */
            chroma = fminf(chroma * factor, v);
        p[0] = channel(5, h, v, chroma);
        p[1] = channel(3, h, v, chroma);
        p[2] = channel(1, h, v, chroma);
    }
    clr_canvas_clip(canvas);
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    (void)size;
    if (canvas->channels == 1)
        clr_warn_once("gray colour", "the images are gray: 'color' changes brightness and contrast only");
    for (int i = 0; i < KINDS; i++) {
        int kind = (int)draws[1 + i];
        float by = (float)draws[5 + kind];
        if (kind == BRIGHTNESS)
            brightness(canvas, by, step->number[1] != 0);
        else if (kind == CONTRAST)
            contrast(canvas, by);
        else if (canvas->channels == 1)
            clr_canvas_clip(canvas);
        else
            kind == SATURATION ? recolour(canvas, by, 0) : recolour(canvas, 1, by);
    }
}

const clr_augment_op clr_augment_color = {.name = "color",
                                          .arguments = ":1.0[:multiplicative]",
                                          .help = "brightness, contrast, saturation, hue, in random order",
                                          .parse = parse,
                                          .draw = draw,
                                          .apply = apply};
