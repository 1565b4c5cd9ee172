/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of operators: parsing, and one view made by them in order. */
#include "clr/augment.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/opt.h"
#include "clr/tensor.h"
#include "ops.h"
#include "tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECLARE(name) extern const clr_augment_op clr_augment_##name;
CLR_AUGMENT_OPS(DECLARE)
#define ENTRY(name) &clr_augment_##name,
static const clr_augment_op *const ops[] = {CLR_AUGMENT_OPS(ENTRY)};

clr_status clr_augment_number(const char *name, const char *text, double initial, double low, double high,
                              double *number)
{
    char *end;

    *number = initial;
    if (!text)
        return CLR_OK;
    *number = strtod(text, &end);
    if (end == text || *end || !(*number >= low && *number <= high))
        return clr_fail(CLR_EUSAGE, "--augment: %s:%s: must be a number from %g to %g", name, text, low, high);
    return CLR_OK;
}

static clr_status parse_one(char *word, clr_augment_step *step)
{
    const char *names[CLR_COUNT(ops)];
    char *arguments = strchr(word, ':');

    if (arguments)
        *arguments++ = 0;
    for (size_t i = 0; i < CLR_COUNT(ops); i++) {
        names[i] = ops[i]->name;
        if (!strcmp(names[i], word)) {
            step->op = ops[i];
            return ops[i]->parse(arguments, step);
        }
    }
    const char *near = clr_opt_nearest(word, names, (int)CLR_COUNT(ops));
    return clr_fail(CLR_EUSAGE, "--augment: there is no operator '%s'%s%s%s", word, near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "");
}

clr_status clr_augment_parse(const char *list, clr_augment *augment)
{
    char *copy = clr_copy_text(list);
    clr_status st = CLR_OK;

    *augment = (clr_augment){0};
    for (char *word = strcmp(list, "none") ? copy : NULL; word && st == CLR_OK;) {
        char *next = strchr(word, ',');
        if (next)
            *next++ = 0;
        if (augment->steps == CLR_AUGMENT_MOST)
            st = clr_fail(CLR_EUSAGE, "--augment=%s: more than %d operators", list, CLR_AUGMENT_MOST);
        else
            st = parse_one(word, &augment->step[augment->steps++]);
        word = next;
    }
    clr_free(copy);
    return st;
}

static size_t canvas_floats(int64_t pixels, int channels, int size)
{
    return ((size_t)clr_max64(pixels, (int64_t)size * size) * (size_t)channels + 15) / 16 * 16;
}

size_t clr_augment_floats(int64_t pixels, int width, int channels, int size)
{
    size_t side = (size_t)(width > size ? width : size);

    return 2 * canvas_floats(pixels, channels, size) + side * (size_t)channels + 16 * (size_t)size + 64;
}

static clr_canvas open_canvas(const clr_image *image, int size, float *scratch)
{
    int64_t pixels = (int64_t)image->height * image->width, n = pixels * image->channels;
    size_t floats = canvas_floats(pixels, image->channels, size);
    clr_canvas canvas = {image->height, image->width, image->channels, scratch, scratch + floats, scratch + 2 * floats};

    for (int64_t i = 0; i < n; i++)
        canvas.pixels[i] = (float)image->pixels[i] * (1.0f / 255);
    return canvas;
}

static void close_canvas(clr_canvas *canvas, int size, float *out)
{
    if (canvas->height != size || canvas->width != size)
        clr_canvas_resize(canvas, 0, 0, canvas->height, canvas->width, size);
    int64_t n = (int64_t)size * size * canvas->channels;
    for (int64_t i = 0; i < n; i++)
        out[i] = clr_clip(canvas->pixels[i]);
}

void clr_augment_apply(const clr_augment *augment, const clr_image *image, int size, uint64_t seed, uint64_t epoch,
                       uint64_t sample, uint32_t view, float *scratch, float *out)
{
    clr_canvas canvas = open_canvas(image, size, scratch);

    for (int i = 0; i < augment->steps; i++) {
        const clr_augment_step *step = &augment->step[i];
        double draws[CLR_AUGMENT_DRAWS] = {0};
        clr_rng rng = clr_rng_for(seed, epoch, sample, step->shared ? 0 : view, (uint32_t)i);
        if (step->op->needs_colour && canvas.channels == 1) {
            clr_warn_once(step->op->name, "the images are gray: '%s' changes nothing there", step->op->name);
            continue;
        }
        step->op->draw(step, &rng, canvas.height, canvas.width, size, draws);
        if (draws[0] != 0)
            step->op->apply(step, draws, size, &canvas);
    }
    close_canvas(&canvas, size, out);
}

void clr_augment_evaluate(const clr_image *image, int size, float *scratch, float *out)
{
    clr_canvas canvas = open_canvas(image, size, scratch);

    if (size > 32) {
        int side = (int)lrint(0.875 * (image->height < image->width ? image->height : image->width));
        clr_canvas_resize(&canvas, (image->height - side + 1) / 2, (image->width - side + 1) / 2, side, side, size);
    }
    close_canvas(&canvas, size, out);
}

void clr_augment_protocol(int size, int channels, char *text)
{
    const char *colours = channels == 1 ? "gray" : "RGB (gray images thrice)";
    int n = snprintf(text, CLR_AUGMENT_WORDS,
                     "%s in [0, 1], which is bytes / 255, no mean and no deviation taken off; ", colours);

    if (size > 32)
        snprintf(text + n, CLR_AUGMENT_WORDS - (size_t)n,
                 "the central square of 0.875 of the shorter side, resized to %d x %d", size, size);
    else
        snprintf(text + n, CLR_AUGMENT_WORDS - (size_t)n,
                 "the whole image, resized to %d x %d where it is not that large", size, size);
    n = (int)strlen(text);
    snprintf(text + n, CLR_AUGMENT_WORDS - (size_t)n, " (bicubic, a = -1/2, without antialiasing, cut to [0, 1])");
}

int clr_augment_enough(int size)
{
    return (size * 8 / 7 + 31) / 32 * 32;
}
