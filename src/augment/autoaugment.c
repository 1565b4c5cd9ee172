/* SPDX-License-Identifier: BSD-3-Clause */
/* AutoAugment's policy for ImageNet (arXiv 1805.09501, table 9): one of 25 pairs of operations, each as likely; each of
   the two is done with its own probability, the first before the second. Level l of 0 to 9 means, as in torchvision:
     posterize  8 - round(4 l / 9) bits        solarize  from byte 255 (1 - l / 9) on
     rotate     30 l / 9 degrees               shear     0.3 l / 9 columns a row
     color, contrast, sharpness  a factor of 1 + 0.9 l / 9
   with either sign before l of the lower two lines, each as likely. Turned and sheared images have gray outside. */
#include "enhance.h"
#include "tools.h"

#include <math.h>

enum { POLICIES = 25, PAIR = 2, TOP = 9 };

static const double DEGREE = 3.14159265358979323846 / 180;

typedef enum kind {
    POSTERIZE,
    SOLARIZE,
    EQUALIZE,
    AUTOCONTRAST,
    INVERT,
    ROTATE,
    SHEAR,
    COLOR,
    CONTRAST,
    SHARPNESS
} kind;

typedef struct operation {
    kind kind;
    double probability;
    int level;
} operation;

static const operation policies[POLICIES][PAIR] = {
    {{POSTERIZE, 0.4, 8}, {ROTATE, 0.6, 9}},  {{SOLARIZE, 0.6, 5}, {AUTOCONTRAST, 0.6, 0}},
    {{EQUALIZE, 0.8, 0}, {EQUALIZE, 0.6, 0}}, {{POSTERIZE, 0.6, 7}, {POSTERIZE, 0.6, 6}},
    {{EQUALIZE, 0.4, 0}, {SOLARIZE, 0.2, 4}}, {{EQUALIZE, 0.4, 0}, {ROTATE, 0.8, 8}},
    {{SOLARIZE, 0.6, 3}, {EQUALIZE, 0.6, 0}}, {{POSTERIZE, 0.8, 5}, {EQUALIZE, 1.0, 0}},
    {{ROTATE, 0.2, 3}, {SOLARIZE, 0.6, 8}},   {{EQUALIZE, 0.6, 0}, {POSTERIZE, 0.4, 6}},
    {{ROTATE, 0.8, 8}, {COLOR, 0.4, 0}},      {{ROTATE, 0.4, 9}, {EQUALIZE, 0.6, 0}},
    {{EQUALIZE, 0.0, 0}, {EQUALIZE, 0.8, 0}}, {{INVERT, 0.6, 0}, {EQUALIZE, 1.0, 0}},
    {{COLOR, 0.6, 4}, {CONTRAST, 1.0, 8}},    {{ROTATE, 0.8, 8}, {COLOR, 1.0, 2}},
    {{COLOR, 0.8, 8}, {SOLARIZE, 0.8, 7}},    {{SHARPNESS, 0.4, 7}, {INVERT, 0.6, 0}},
    {{SHEAR, 0.6, 5}, {EQUALIZE, 1.0, 0}},    {{COLOR, 0.4, 0}, {EQUALIZE, 0.6, 0}},
    {{EQUALIZE, 0.4, 0}, {SOLARIZE, 0.2, 4}}, {{SOLARIZE, 0.6, 5}, {AUTOCONTRAST, 0.6, 0}},
    {{INVERT, 0.6, 0}, {EQUALIZE, 1.0, 0}},   {{COLOR, 0.6, 4}, {CONTRAST, 1.0, 8}},
    {{EQUALIZE, 0.8, 0}, {EQUALIZE, 0.6, 0}}};

static clr_status parse(const char *text, clr_augment_step *step)
{
    (void)step;
    return text ? clr_fail(CLR_EUSAGE, "--augment: autoaugment:%s: autoaugment takes nothing", text) : CLR_OK;
}

/* draws: whether one of the two is done; the pair; for each of the two whether it is done; for each its sign. */
static void draw(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws)
{
    int pair = (int)clr_rng_below(rng, POLICIES);

    (void)step, (void)height, (void)width, (void)size;
    draws[1] = pair;
    for (int i = 0; i < PAIR; i++) {
        draws[2 + i] = clr_rng_uniform(rng) < policies[pair][i].probability;
        draws[4 + i] = clr_rng_below(rng, 2) ? 1 : -1;
    }
    draws[0] = draws[2] + draws[3];
}

static void rotate(clr_canvas *canvas, double degrees)
{
    double c = cos(degrees * DEGREE), s = sin(degrees * DEGREE), x = 0.5 * canvas->width, y = 0.5 * canvas->height;

    clr_canvas_affine(canvas, (const double[]){c, -s, x - c * x + s * y, s, c, y - s * x - c * y});
}

static void operate(kind what, int level, double sign, clr_canvas *canvas)
{
    double share = (double)level / TOP, factor = 1 + sign * 0.9 * share;

    switch (what) {
    case POSTERIZE: clr_canvas_posterize(canvas, 8 - (int)lrint(4 * share)); break;
    case SOLARIZE: clr_canvas_solarize(canvas, (int)ceil(255 * (TOP - level) / (double)TOP)); break;
    case EQUALIZE: clr_canvas_equalize(canvas); break;
    case AUTOCONTRAST: clr_canvas_autocontrast(canvas); break;
    case INVERT: clr_canvas_invert(canvas); break;
    case ROTATE: rotate(canvas, sign * 30 * share); break;
    case SHEAR: clr_canvas_affine(canvas, (const double[]){1, sign * 0.3 * share, 0, 0, 1, 0}); break;
    case COLOR: clr_canvas_saturation(canvas, (float)factor); break;
    case CONTRAST: clr_canvas_contrast(canvas, (float)factor); break;
    case SHARPNESS: clr_canvas_sharpness(canvas, (float)factor); break;
    }
}

static void apply(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas)
{
    const operation *pair = policies[(int)draws[1]];

    (void)step, (void)size;
    clr_canvas_clip(canvas);
    for (int i = 0; i < PAIR; i++)
        if (draws[2 + i] != 0)
            operate(pair[i].kind, pair[i].level, draws[4 + i], canvas);
}

const clr_augment_op clr_augment_autoaugment = {.name = "autoaugment",
                                                .arguments = "",
                                                .help = "AutoAugment's policy for ImageNet",
                                                .parse = parse,
                                                .draw = draw,
                                                .apply = apply};
