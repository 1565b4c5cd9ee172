/* SPDX-License-Identifier: BSD-3-Clause */
/* Every operator against its formula in double precision, whole views against the operators one after another,
   purity, odd shapes, and what is refused. Tolerances are multiples of eps times the square root of the length of the
   sums. */
#include "clr/augment.h"
#include "clr/mem.h"
#include "clr/tensor.h"
#include "clr/test.h"
#include "ops.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct picture {
    int height, width, channels;
    double *p;
} picture;

static picture picture_new(int height, int width, int channels)
{
    return (picture){height, width, channels, CLR_NEW(double, (int64_t)height *width *channels)};
}

static double *at(const picture *x, int i, int j, int k)
{
    return x->p + ((int64_t)i * x->width + j) * x->channels + k;
}

static void replace(picture *x, picture by)
{
    clr_free(x->p);
    *x = by;
}

static void clip(picture *x)
{
    for (int64_t i = 0; i < (int64_t)x->height * x->width * x->channels; i++)
        x->p[i] = fmin(fmax(x->p[i], 0), 1);
}

/* Keys' cubic convolution with a = -1/2. */
static double keys(double t)
{
    const double a = -0.5;

    t = fabs(t);
    return t <= 1  ? (a + 2) * t * t * t - (a + 3) * t * t + 1
           : t < 2 ? a * t * t * t - 5 * a * t * t + 8 * a * t - 4 * a
                   : 0;
}

/* Half-pixel centres, no antialiasing; what lies outside the rectangle has weight 0, the rest is renormalised. */
static void resize(picture *x, int top, int left, int height, int width, int size)
{
    picture out = picture_new(size, size, x->channels);

    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j++)
            for (int k = 0; k < x->channels; k++) {
                double y0 = (i + 0.5) * height / size - 0.5, x0 = (j + 0.5) * width / size - 0.5, sum = 0, weights = 0;
                for (int a = (int)fmax(0, ceil(y0 - 2)); a < height && a <= y0 + 2; a++)
                    for (int b = (int)fmax(0, ceil(x0 - 2)); b < width && b <= x0 + 2; b++) {
                        double weight = keys(y0 - a) * keys(x0 - b);
                        sum += weight * *at(x, top + a, left + b, k);
                        weights += weight;
                    }
                *at(&out, i, j, k) = sum / weights;
            }
    replace(x, out);
}

static void crop(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    (void)step;
    resize(x, (int)draws[1], (int)draws[2], (int)draws[3], (int)draws[4], size);
}

static void flip(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    picture out = picture_new(x->height, x->width, x->channels);

    (void)step, (void)draws, (void)size;
    for (int i = 0; i < x->height; i++)
        for (int j = 0; j < x->width; j++)
            for (int k = 0; k < x->channels; k++)
                *at(&out, i, j, k) = *at(x, i, x->width - 1 - j, k);
    replace(x, out);
}

/* One pixel to HSV, S times factor (at most 1), H plus turn, and back. */
static void hsv(double *p, double factor, double turn)
{
    double v = fmax(p[0], fmax(p[1], p[2])), c = v - fmin(p[0], fmin(p[1], p[2])), h = 0, s = v > 0 ? c / v : 0;

    if (c > 0)
        h = v == p[0]   ? (p[1] - p[2]) / c / 6
            : v == p[1] ? (p[2] - p[0]) / c / 6 + 1.0 / 3
                        : (p[0] - p[1]) / c / 6 + 2.0 / 3;
    if (factor != 1)
        s = fmin(s * factor, 1);
    h = fmod(h + turn + 10, 1) * 6;
    int sector = (int)h;
    double f = h - sector, low = v * (1 - s), falls = v * (1 - s * f), grows = v * (1 - s * (1 - f));
    const double rgb[6][3] = {{v, grows, low}, {falls, v, low}, {low, v, grows},
                              {low, falls, v}, {grows, low, v}, {v, low, falls}};
    memcpy(p, rgb[sector], sizeof rgb[sector]);
}

static void color(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    int64_t n = (int64_t)x->height * x->width;
    int c = x->channels;

    (void)size;
    for (int o = 0; o < 4; o++) {
        double by = draws[5 + (int)draws[1 + o]], mean[3] = {0};
        for (int64_t i = 0; i < n * c; i++)
            mean[i % c] += x->p[i] / (double)n;
        for (int64_t i = 0; i < n * c; i++)
            if (draws[1 + o] == 0)
                x->p[i] = step->number[1] != 0 ? x->p[i] * by : x->p[i] + by;
            else if (draws[1 + o] == 1)
                x->p[i] = (x->p[i] - mean[i % c]) * by + mean[i % c];
            else if (c == 3 && i % 3 == 0)
                draws[1 + o] == 2 ? hsv(x->p + i, by, 0) : hsv(x->p + i, 1, by);
        clip(x);
    }
}

static void gray(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    (void)step, (void)draws, (void)size;
    if (x->channels == 1)
        return;
    for (int64_t i = 0; i < (int64_t)x->height * x->width; i++) {
        double *p = x->p + 3 * i;
        p[0] = p[1] = p[2] = 0.2989 * p[0] + 0.5870 * p[1] + 0.1140 * p[2];
    }
    clip(x);
}

/* Both axes at once; zeros outside. What comes in is clipped, as everything before the blur is. */
static void blur(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    int radius = size / 10 / 2;
    double total = 0;
    picture out = picture_new(x->height, x->width, x->channels);

    (void)step;
    clip(x);
    for (int a = -radius; a <= radius; a++)
        total += exp(-a * a / (2 * draws[1] * draws[1]));
    for (int i = 0; i < x->height; i++)
        for (int j = 0; j < x->width; j++)
            for (int a = -radius; a <= radius; a++)
                for (int b = -radius; b <= radius; b++)
                    for (int k = 0; k < x->channels; k++)
                        if (i + a >= 0 && i + a < x->height && j + b >= 0 && j + b < x->width)
                            *at(&out, i, j, k) += exp(-(a * a + b * b) / (2 * draws[1] * draws[1])) / (total * total) *
                                                  *at(x, i + a, j + b, k);
    replace(x, out);
    clip(x);
}

static void cutout(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    int side = (int)floor(step->number[0] * fmin(x->height, x->width) + 0.5);
    double y0 = draws[1] - side / 2, x0 = draws[2] - side / 2;

    (void)size;
    for (int i = 0; i < x->height; i++)
        for (int j = 0; j < x->width; j++)
            for (int k = 0; k < x->channels; k++)
                if (i >= y0 && i < y0 + side && j >= x0 && j < x0 + side)
                    *at(x, i, j, k) = 0;
}

static void rotate(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    (void)step;
    if (x->height != x->width)
        resize(x, 0, 0, x->height, x->width, size);
    for (int turn = 0; turn < draws[0]; turn++) { /* the right side goes up */
        picture out = picture_new(x->width, x->height, x->channels);
        for (int i = 0; i < x->width; i++)
            for (int j = 0; j < x->height; j++)
                for (int k = 0; k < x->channels; k++)
                    *at(&out, i, j, k) = *at(x, j, x->width - 1 - i, k);
        replace(x, out);
    }
}

static void noise(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    clr_rng rng = clr_rng_for((uint64_t)draws[2], 0, 0, 0, 0);

    (void)step, (void)size;
    for (int64_t i = 0; i < (int64_t)x->height * x->width * x->channels; i++)
        x->p[i] += draws[1] * clr_rng_normal(&rng);
    clip(x);
}

static void sobel(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    static const int across[3][3] = {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}};
    picture out = picture_new(x->height, x->width, x->channels);

    (void)step, (void)draws, (void)size;
    for (int i = 0; i < x->height; i++)
        for (int j = 0; j < x->width; j++)
            for (int k = 0; k < x->channels; k++) {
                double gx = 0, gy = 0;
                for (int a = 0; a < 3; a++)
                    for (int b = 0; b < 3; b++) {
                        double p = *at(x, (int)fmin(fmax(i + a - 1, 0), x->height - 1),
                                       (int)fmin(fmax(j + b - 1, 0), x->width - 1), k);
                        gx += across[a][b] * p;
                        gy += across[b][a] * p;
                    }
                *at(&out, i, j, k) = sqrt(gx * gx + gy * gy) / 4;
            }
    replace(x, out);
    clip(x);
}

static void solarize(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    (void)step, (void)draws, (void)size;
    clip(x);
    for (int64_t i = 0; i < (int64_t)x->height * x->width * x->channels; i++)
        if (x->p[i] * 255 > 127.5)
            x->p[i] = 1 - x->p[i];
}

/* For each value, how many are below it: no table of bytes. */
static void equalize(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    int n = x->height * x->width, c = x->channels;
    picture out = picture_new(x->height, x->width, c);

    (void)step, (void)draws, (void)size;
    clip(x);
    for (int i = 0; i < n * c; i++) {
        long value = lround(x->p[i] * 255), top = 0, below = 0, tops = 0;
        for (int j = i % c; j < n * c; j += c) {
            long other = lround(x->p[j] * 255);
            below += other < value;
            tops = other > top ? 1 : tops + (other == top);
            top = other > top ? other : top;
        }
        long stride = (n - tops) / 255;
        out.p[i] = stride ? fmin((double)((stride / 2 + below) / stride), 255) / 255 : (double)value / 255;
    }
    replace(x, out);
}

/* The tent around each pixel, of all pixels: the long way to bilinear sampling. */
static void motion(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    int radius = size / 10 / 2;
    picture out = picture_new(x->height, x->width, x->channels);

    (void)step;
    clip(x);
    for (int i = 0; i < x->height; i++)
        for (int j = 0; j < x->width; j++)
            for (int t = -radius; t <= radius; t++)
                for (int a = -radius - 1; a <= radius + 1; a++)
                    for (int b = -radius - 1; b <= radius + 1; b++) {
                        double weight =
                            fmax(0, 1 - fabs(t * sin(draws[1]) - a)) * fmax(0, 1 - fabs(t * cos(draws[1]) - b));
                        int y = (int)fmin(fmax(i + a, 0), x->height - 1), z = (int)fmin(fmax(j + b, 0), x->width - 1);
                        for (int k = 0; k < x->channels; k++)
                            *at(&out, i, j, k) += weight * *at(x, y, z, k) / (2 * radius + 1);
                    }
    replace(x, out);
    clip(x);
}

/* AutoAugment's table 9: operation:level:probability, twice. */
static const char *const policy[] = {"posterize:8:0.4 rotate:9:0.6",  "solarize:5:0.6 autocontrast:0:0.6",
                                     "equalize:0:0.8 equalize:0:0.6", "posterize:7:0.6 posterize:6:0.6",
                                     "equalize:0:0.4 solarize:4:0.2", "equalize:0:0.4 rotate:8:0.8",
                                     "solarize:3:0.6 equalize:0:0.6", "posterize:5:0.8 equalize:0:1",
                                     "rotate:3:0.2 solarize:8:0.6",   "equalize:0:0.6 posterize:6:0.4",
                                     "rotate:8:0.8 color:0:0.4",      "rotate:9:0.4 equalize:0:0.6",
                                     "equalize:0:0 equalize:0:0.8",   "invert:0:0.6 equalize:0:1",
                                     "color:4:0.6 contrast:8:1",      "rotate:8:0.8 color:2:1",
                                     "color:8:0.8 solarize:7:0.8",    "sharpness:7:0.4 invert:0:0.6",
                                     "shear:5:0.6 equalize:0:1",      "color:0:0.4 equalize:0:0.6",
                                     "equalize:0:0.4 solarize:4:0.2", "solarize:5:0.6 autocontrast:0:0.6",
                                     "invert:0:0.6 equalize:0:1",     "color:4:0.6 contrast:8:1",
                                     "equalize:0:0.8 equalize:0:0.6"};

static void read_policy(int pair, char name[2][16], int level[2], double probability[2])
{
    ck_assert_int_eq(sscanf(policy[pair], "%15[a-z]:%d:%lf %15[a-z]:%d:%lf", name[0], &level[0], &probability[0],
                            name[1], &level[1], &probability[1]),
                     6);
}

static double luma(const picture *x, int i, int j)
{
    return x->channels == 1 ? *at(x, i, j, 0)
                            : 0.299 * *at(x, i, j, 0) + 0.587 * *at(x, i, j, 1) + 0.114 * *at(x, i, j, 2);
}

/* What the factor of colour, contrast and sharpness moves a pixel away from. */
static double degenerate(const char *name, const picture *x, int i, int j, int k)
{
    double sum = 0;

    if (!strcmp(name, "color"))
        return luma(x, i, j);
    if (!strcmp(name, "contrast")) {
        for (int p = 0; p < x->height * x->width; p++)
            sum += luma(x, p / x->width, p % x->width);
        return sum / (x->height * x->width);
    }
    if (i == 0 || j == 0 || i == x->height - 1 || j == x->width - 1)
        return *at(x, i, j, k);
    for (int a = -1; a <= 1; a++)
        for (int b = -1; b <= 1; b++)
            sum += (a || b ? 1 : 5) / 13.0 * *at(x, i + a, j + b, k);
    return sum;
}

/* Nearest pixels; turned about the centre, or sheared from the upper left corner. */
static double moved(const picture *x, int i, int j, int k, double angle, double shear)
{
    double y = i + 0.5 - 0.5 * x->height, z = j + 0.5 - 0.5 * x->width;
    double row = sin(angle) * z + cos(angle) * y + 0.5 * x->height,
           column = cos(angle) * z - sin(angle) * y + 0.5 * x->width + shear * (i + 0.5);

    return row < 0 || column < 0 || row >= x->height || column >= x->width ? 128.0 / 255
                                                                           : *at(x, (int)row, (int)column, k);
}

static double operated(const char *name, double level, const picture *x, int i, int j, int k)
{
    double value = *at(x, i, j, k), low = 1, high = 0;

    if (!strcmp(name, "posterize")) {
        int step = 1 << (int)floor(4 * fabs(level) / 9 + 0.5);
        return (double)(lround(value * 255) / step * step) / 255;
    }
    if (!strcmp(name, "solarize"))
        return value * 255 < ceil(255 - 255 * fabs(level) / 9) - 0.5 ? value : 1 - value;
    if (!strcmp(name, "invert"))
        return 1 - value;
    if (!strcmp(name, "rotate"))
        return moved(x, i, j, k, level / 9 * 30 / 180 * acos(-1), 0);
    if (!strcmp(name, "shear"))
        return moved(x, i, j, k, 0, level / 9 * 0.3);
    if (!strcmp(name, "autocontrast")) {
        for (int p = 0; p < x->height * x->width; p++) {
            low = fmin(low, x->p[p * x->channels + k]);
            high = fmax(high, x->p[p * x->channels + k]);
        }
        return high > low ? (value - low) / (high - low) : value;
    }
    double from = degenerate(name, x, i, j, k);
    return fmin(fmax(from + (1 + 0.1 * level) * (value - from), 0), 1);
}

static void autoaugment(const clr_augment_step *step, const double *draws, int size, picture *x)
{
    char name[2][16];
    int level[2];
    double probability[2];

    read_policy((int)draws[1], name, level, probability);
    clip(x);
    for (int o = 0; o < 2; o++) {
        if (draws[2 + o] == 0)
            continue;
        if (!strcmp(name[o], "equalize")) {
            equalize(step, draws, size, x);
            continue;
        }
        picture out = picture_new(x->height, x->width, x->channels);
        for (int i = 0; i < x->height; i++)
            for (int j = 0; j < x->width; j++)
                for (int k = 0; k < x->channels; k++)
                    *at(&out, i, j, k) = operated(name[o], draws[4 + o] * level[o], x, i, j, k);
        replace(x, out);
    }
}

typedef void reference(const clr_augment_step *step, const double *draws, int size, picture *x);
#define ROW(name) {#name, name},
static const struct {
    const char *name;
    reference *apply;
} references[] = {CLR_AUGMENT_OPS(ROW)};

static clr_augment list(const char *text)
{
    clr_augment augment;

    ck_assert_msg(clr_augment_parse(text, &augment) == CLR_OK, "%s", clr_message());
    return augment;
}

static clr_image noisy(int height, int width, int channels, uint64_t seed)
{
    clr_image image = {height, width, channels, clr_alloc((size_t)(height * width), (size_t)channels)};
    clr_rng rng = clr_rng_for(seed, 0, 0, 0, CLR_RNG_BENCH);

    for (int i = 0; i < height * width * channels; i++)
        image.pixels[i] = (uint8_t)clr_rng_u32(&rng);
    return image;
}

static picture picture_of(const clr_image *image)
{
    picture x = picture_new(image->height, image->width, image->channels);

    for (int i = 0; i < image->height * image->width * image->channels; i++)
        x.p[i] = image->pixels[i] / 255.0;
    return x;
}

/* The view as the operators' references make it. */
static picture expect(const clr_augment *augment, const clr_image *image, int size, const uint64_t of[4])
{
    picture x = picture_of(image);

    for (int i = 0; i < augment->steps; i++) {
        clr_rng rng = clr_rng_for(of[0], of[1], of[2], augment->step[i].shared ? 0 : (uint32_t)of[3], (uint32_t)i);
        double draws[CLR_AUGMENT_DRAWS] = {0};
        augment->step[i].op->draw(&augment->step[i], &rng, x.height, x.width, size, draws);
        for (size_t r = 0; r < CLR_COUNT(references) && draws[0] != 0; r++)
            if (!strcmp(references[r].name, augment->step[i].op->name))
                references[r].apply(&augment->step[i], draws, size, &x);
    }
    if (x.height != size || x.width != size)
        resize(&x, 0, 0, x.height, x.width, size);
    clip(&x);
    return x;
}

static float *view_of(const clr_augment *augment, const clr_image *image, int size, const uint64_t of[4])
{
    float *out = CLR_NEW(float, size *size * image->channels);
    size_t floats = clr_augment_floats((int64_t)image->height * image->width, image->width, image->channels, size);
    float *scratch = CLR_NEW(float, floats);

    memset(scratch, 0xff, floats * sizeof *scratch); /* NaN: nothing may depend on it */
    clr_augment_apply(augment, image, size, of[0], of[1], of[2], (uint32_t)of[3], scratch, out);
    clr_free(scratch);
    return out;
}

/* Views of eight samples within `eps` times FLT_EPSILON of their reference. */
static void compare(const char *text, int height, int width, int channels, int size, double eps)
{
    clr_augment augment = list(text);
    clr_image image = noisy(height, width, channels, (uint64_t)(height * 1000 + width));

    for (uint64_t sample = 0; sample < 8; sample++) {
        const uint64_t of[4] = {7, 3, sample, sample % 2};
        picture x = expect(&augment, &image, size, of);
        float *out = view_of(&augment, &image, size, of);
        for (int i = 0; i < size * size * channels; i++)
            ck_assert_msg(fabs(out[i] - x.p[i]) <= eps * FLT_EPSILON,
                          "%s of %dx%dx%d to %d: sample %d at %d: %.9g, not %.9g", text, height, width, channels, size,
                          (int)sample, i, out[i], x.p[i]);
        clr_free(x.p);
        clr_free(out);
    }
    clr_image_free(&image);
}

/* eps: that of the operator alone; one more for the pixel's 1 / 255. */
static const struct {
    const char *list;
    double eps;
} alone[] = {{"none", 1},
             {"flip:1", 1},
             {"cutout", 1},
             {"cutout:0.9", 1},
             {"rotate", 1},
             {"gray:1", 3},
             {"noise", 2},
             {"sobel:1", 8},
             {"solarize:1", 2},
             {"equalize:1", 1},
             {"motion:1", 24},
             {"autoaugment", 32},
             {"color:0", 16},
             {"color:0.5", 32},
             {"color", 32},
             {"color:1.0:multiplicative", 32},
             {"color:5:multiplicative", 128}};

START_TEST(operators_are_their_formulas)
{
    for (int channels = 1; channels <= 3; channels += 2)
        compare(alone[_i].list, 20, 20, channels, 20, alone[_i].eps);
}
END_TEST

START_TEST(resizing_is_bicubic)
{
    const double eps = 4 * sqrt(8); /* two sums of four */

    compare("none", 5, 7, 3, 20, eps);   /* enlarged */
    compare("none", 93, 61, 3, 12, eps); /* shrunk: four taps all the same */
    compare("crop:0.08-1", 40, 50, 3, 24, eps);
    compare("crop:0.5-0.5", 40, 50, 1, 24, eps);
    compare("rotate", 20, 13, 3, 16, eps);
    compare("rotate:90", 20, 13, 3, 16, eps);
    compare("rotate:270", 13, 13, 1, 16, eps);
}
END_TEST

START_TEST(blur_is_a_gaussian_with_zeros_around)
{
    static const int side[] = {8, 19, 20, 32, 50, 224};

    for (int i = 0; i < 5; i++)
        compare("blur:1", side[i], side[i], 3, side[i], 2 * sqrt(2 * (side[i] / 10 + 1)));
    compare("blur:1", side[5], side[5], 1, side[5], 2 * sqrt(2 * 23));
    compare("blur:1", 6, 90, 3, 64, 4 * sqrt(8 + 14)); /* shorter than the kernel, and resized */
}
END_TEST

static const char *const chains[] = {"crop:0.08-1,flip,color:1.0,gray:0.2,blur",
                                     "crop,flip,color:0.5",
                                     "crop,blur:1",
                                     "crop,color:1.0:multiplicative,gray",
                                     "color,crop,cutout,noise",
                                     "sobel,rotate,crop",
                                     "rotate,noise,flip,cutout,blur,gray,color,sobel,crop"};

START_TEST(views_are_operators_in_order)
{
    compare(chains[_i], 40, 33, 3, 24, 64);
    compare(chains[_i], 21, 48, 1, 40, 64);
    compare(chains[_i], 24, 24, 3, 24, 64);
}
END_TEST

START_TEST(odd_shapes_work)
{
    static const int shape[][2] = {{1, 1}, {1, 2}, {2, 1}, {3, 3}, {1, 700}, {700, 1}, {4, 900}, {2, 300}};

    for (size_t s = 0; s < CLR_COUNT(shape); s++)
        for (int channels = 1; channels <= 3; channels += 2)
            compare(chains[_i], shape[s][0], shape[s][1], channels, 12, 64);
}
END_TEST

START_TEST(gray_images_have_no_colour_to_change)
{
    clr_image image = noisy(16, 16, 1, 5);
    clr_augment augment = list("gray:1,color:1.0"), none = list("none");
    int applied = 0;

    for (uint64_t sample = 0; sample < 20; sample++) {
        const uint64_t of[4] = {1, 2, sample, 0};
        clr_rng rng = clr_rng_for(1, 2, sample, 0, 1);
        double draws[CLR_AUGMENT_DRAWS];
        clr_augment_step *step = &augment.step[1];
        step->op->draw(step, &rng, 16, 16, 16, draws);
        clr_canvas canvas = {16, 16, 1, CLR_NEW(float, 256), CLR_NEW(float, 256), CLR_NEW(float, 1024)};
        float *plain = view_of(&none, &image, 16, of);
        memcpy(canvas.pixels, plain, 256 * sizeof(float));
        draws[5] = 0; /* no brightness, contrast as it is: what is left are saturation and hue */
        draws[6] = 1;
        step->op->apply(step, draws, 16, &canvas);
        for (int i = 0; i < 256; i++)
            ck_assert_double_le(fabs(canvas.pixels[i] - plain[i]), FLT_EPSILON);
        applied += draws[0] != 0;
        augment.steps = 1;
        float *out = view_of(&augment, &image, 16, of);
        ck_assert_mem_eq(out, plain, 256 * sizeof(float));
        clr_free(out);
        clr_free(plain);
        clr_free(canvas.pixels);
        clr_free(canvas.spare);
        clr_free(canvas.rows);
    }
    ck_assert_int_gt(applied, 0);
    clr_image_free(&image);
}
END_TEST

START_TEST(views_are_functions_of_what_they_are_for)
{
    enum { SAMPLES = 24, SIZE = 20, FLOATS = SIZE * SIZE * 3 };
    clr_augment augment = list(chains[6]);
    clr_image image = noisy(30, 40, 3, 9);
    float *first[SAMPLES], *again[SAMPLES];

    for (uint64_t s = 0; s < SAMPLES; s++)
        first[s] = view_of(&augment, &image, SIZE, (const uint64_t[]){1, 2, s, 1});
    for (int threads = 1; threads <= 5; threads += 2) {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
        for (int s = SAMPLES - 1; s >= 0; s--)
            again[s] = view_of(&augment, &image, SIZE, (const uint64_t[]){1, 2, (uint64_t)s, 1});
        for (int s = 0; s < SAMPLES; s++) {
            ck_assert_mem_eq(first[s], again[s], FLOATS * sizeof(float));
            clr_free(again[s]);
        }
    }
    for (int s = 0; s < SAMPLES; s++) {
        for (int what = 0; what < 4; what++) {
            uint64_t of[4] = {1, 2, (uint64_t)s, 1};
            of[what] += what == 2 ? SAMPLES : what == 3 ? (uint64_t)-1 : 1;
            float *other = view_of(&augment, &image, SIZE, of);
            ck_assert_int_ne(memcmp(first[s], other, FLOATS * sizeof(float)), 0);
            clr_free(other);
        }
        clr_free(first[s]);
    }
    clr_image_free(&image);
}
END_TEST

/* A high and a wide image within the space for the most pixels and the largest width of the two, which is not that
   of a square. */
START_TEST(working_space_follows_the_pixels)
{
    static const int sides[2][2] = {{900, 7}, {7, 900}};
    enum { SIZE = 24, GUARD = 64 };
    clr_augment augment = list("blur:1,crop,rotate,sobel:1,cutout");
    size_t floats = clr_augment_floats(900 * 7, 900, 3, SIZE);
    float *scratch = CLR_NEW(float, floats + GUARD), *out = CLR_NEW(float, SIZE *SIZE * 3), guard[GUARD] = {0};

    ck_assert_uint_lt(floats, 2 * 3 * 900 * 9);
    for (int i = 0; i < 2; i++) {
        clr_image image = noisy(sides[i][0], sides[i][1], 3, (uint64_t)i);
        for (uint64_t sample = 0; sample < 4; sample++)
            clr_augment_apply(&augment, &image, SIZE, 1, 0, sample, 0, scratch, out);
        clr_augment_evaluate(&image, SIZE, scratch, out);
        clr_image_free(&image);
    }
    ck_assert_mem_eq(scratch + floats, guard, sizeof guard);
    clr_free(scratch);
    clr_free(out);
}
END_TEST

/* The central square of rint(0.875 of the shorter side) for sizes over 32. */
START_TEST(evaluation_takes_the_centre)
{
    static const struct {
        int height, width, size, y, x, side;
    } c[] = {{50, 70, 40, 3, 13, 44},
             {33, 33, 64, 2, 2, 29},
             {4, 90, 36, 0, 43, 4},
             {1, 1, 33, 0, 0, 1},
             {32, 32, 32, 0, 0, 32}};

    for (size_t i = 0; i < CLR_COUNT(c); i++) {
        clr_image image = noisy(c[i].height, c[i].width, 3, i);
        float *out = CLR_NEW(float, c[i].size *c[i].size * 3);
        float *scratch =
            CLR_NEW(float, clr_augment_floats((int64_t)c[i].height * c[i].width, c[i].width, 3, c[i].size));
        picture x = picture_of(&image);
        clr_augment_evaluate(&image, c[i].size, scratch, out);
        if (c[i].size != 32)
            resize(&x, c[i].y, c[i].x, c[i].side, c[i].side, c[i].size);
        clip(&x);
        for (int p = 0; p < c[i].size * c[i].size * 3; p++)
            ck_assert_msg(fabs(out[p] - x.p[p]) <= 4 * sqrt(8) * FLT_EPSILON, "case %d at %d: %.9g, not %.9g", (int)i,
                          p, out[p], x.p[p]);
        clr_free(x.p);
        clr_free(out);
        clr_free(scratch);
        clr_image_free(&image);
    }
}
END_TEST

static const struct {
    const char *list, *says;
} refused[] = {
    {"crop,flipp", "did you mean 'flip'"},
    {"colour:1", "did you mean 'color'"},
    {"xyzzy", "no operator 'xyzzy'"},
    {"", "no operator ''"},
    {"crop,,flip", "no operator ''"},
    {"crop:0-1", "crop:0-1"},
    {"crop:0.5", "0.08-1"},
    {"crop:0.9-0.2", "share of the area"},
    {"crop:0.08-1.5", "share"},
    {"crop:0.1-1x", "share"},
    {"crop:nan-1", "share"},
    {"crop:0.1-1:share", "shared"},
    {"solarize:2", "solarize:2"},
    {"equalize:x", "equalize:x"},
    {"motion:-1", "motion:-1"},
    {"flip:1.5", "from 0 to 1"},
    {"flip:-1", "from 0 to 1"},
    {"flip:x", "flip:x"},
    {"flip:", "flip"},
    {"gray:nan", "gray:nan"},
    {"blur:2", "blur:2"},
    {"noise:1e9", "noise"},
    {"sobel:0.5 ", "sobel"},
    {"cutout:-0.1", "cutout"},
    {"rotate:45", "must be 90, 180 or 270"},
    {"autoaugment:cifar", "takes nothing"},
    {"color:6", "from 0 to 5"},
    {"color:-1", "from 0 to 5"},
    {"color:1:additive", "multiplicative"},
    {"color:", "strength"},
    {"flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip", "more than 16"}};

START_TEST(what_cannot_be_meant_is_refused)
{
    clr_augment augment;

    ck_assert_int_eq(clr_augment_parse(refused[_i].list, &augment), CLR_EUSAGE);
    ck_assert_msg(strstr(clr_message(), refused[_i].says) && strstr(clr_message(), "--augment"), "%s: %s",
                  refused[_i].list, clr_message());
}
END_TEST

/* The same crop for both views, and what follows is drawn for each. */
START_TEST(a_shared_crop_is_the_same_in_both_views)
{
    clr_augment shared = list("crop:0.08-1:shared"), own = list("crop:0.08-1"), more = list("crop:0.08-1:shared,noise");
    const clr_augment *const augment[] = {&shared, &own, &more};
    clr_image image = noisy(40, 50, 3, 11);

    for (int a = 0; a < 3; a++) {
        float *first = view_of(augment[a], &image, 24, (const uint64_t[]){7, 3, 5, 0});
        float *second = view_of(augment[a], &image, 24, (const uint64_t[]){7, 3, 5, 1});
        ck_assert_int_eq(!memcmp(first, second, 24 * 24 * 3 * sizeof *first), a == 0);
        clr_free(first);
        clr_free(second);
    }
    compare("crop:0.08-1:shared,flip,noise", 40, 50, 3, 24, 4 * sqrt(8));
    clr_image_free(&image);
}
END_TEST

/* What PIL's ImageOps.equalize and solarize(threshold=128) made of these bytes: every 40th. */
START_TEST(bytes_are_as_pil_makes_them)
{
    static const int equalized[] = {2,  114, 155, 114, 0,  109, 147, 105, 255, 97, 135, 90,  252,
                                    84, 120, 74,  239, 66, 101, 59,  218, 51,  74, 38,  195, 21},
                     solarized[] = {41, 88, 104, 88,  40, 87, 102, 85,  92, 83, 98, 81,  97,
                                    78, 92, 74,  104, 70, 84, 66,  113, 61, 74, 55, 124, 49};
    enum { HEIGHT = 32, WIDTH = 33 };
    static uint8_t pixels[HEIGHT * WIDTH];
    clr_image image = {HEIGHT, WIDTH, 1, pixels};
    const char *const lists[] = {"equalize:1", "solarize:1"};
    const int *const wanted[] = {equalized, solarized};

    for (int i = 0; i < HEIGHT * WIDTH; i++)
        pixels[i] = (uint8_t)((i * i + 3) % 251 / 2 + 40);
    for (int o = 0; o < 2; o++) {
        clr_augment augment = list(lists[o]);
        float scratch[8 * HEIGHT * WIDTH];
        clr_canvas canvas = {HEIGHT, WIDTH, 1, scratch, scratch + HEIGHT * WIDTH, scratch + 2 * HEIGHT * WIDTH};
        for (int i = 0; i < HEIGHT * WIDTH; i++)
            scratch[i] = (float)image.pixels[i] / 255;
        augment.step[0].op->apply(&augment.step[0], (const double[]){1}, WIDTH, &canvas);
        for (int i = 0; i < HEIGHT * WIDTH / 40; i++)
            ck_assert_int_eq(lrintf(canvas.pixels[40 * i] * 255), wanted[o][i]);
    }
}
END_TEST

static clr_canvas canvas_of(const picture *x)
{
    int n = x->height * x->width * x->channels;
    clr_canvas canvas = {x->height, x->width, x->channels, CLR_NEW(float, n), CLR_NEW(float, n), NULL};

    for (int i = 0; i < n; i++)
        canvas.pixels[i] = (float)x->p[i];
    return canvas;
}

static void free_canvas(clr_canvas *canvas)
{
    clr_free(canvas->pixels);
    clr_free(canvas->spare);
}

/* Every pair of the policy, with all signs, each operation alone and both. */
START_TEST(autoaugment_is_its_table)
{
    clr_augment augment = list("autoaugment");
    clr_augment_step *step = &augment.step[0];

    ck_assert_uint_eq(CLR_COUNT(policy), 25);
    for (int channels = 1; channels <= 3; channels += 2)
        for (int code = 4; code < 16; code++) {
            const double draws[CLR_AUGMENT_DRAWS] = {
                1, _i, code >> 2 & 1, code >> 3, code & 1 ? 1 : -1, code & 2 ? 1 : -1};
            clr_image image = noisy(21, 26, channels, (uint64_t)_i);
            picture x = picture_of(&image);
            clr_canvas canvas = canvas_of(&x);
            step->op->apply(step, draws, 26, &canvas);
            autoaugment(step, draws, 26, &x);
            for (int i = 0; i < 21 * 26 * channels; i++)
                ck_assert_msg(fabs(canvas.pixels[i] - x.p[i]) <= 32 * FLT_EPSILON,
                              "%s, signs %g %g, at %d: %.9g, not %.9g", policy[_i], draws[4], draws[5], i,
                              canvas.pixels[i], x.p[i]);
            clr_free(x.p);
            free_canvas(&canvas);
            clr_image_free(&image);
        }
}
END_TEST

/* Pairs as likely as each other, operations as likely as the table says, signs even: within four standard errors. */
START_TEST(autoaugment_draws_what_its_table_says)
{
    enum { SAMPLES = 50000, PAIRS = 25 };
    clr_augment augment = list("autoaugment");
    int pairs[PAIRS] = {0}, done[PAIRS][2] = {{0}}, plus[2] = {0};

    for (uint64_t s = 0; s < SAMPLES; s++) {
        clr_rng rng = clr_rng_for(3, 1, s, (uint32_t)(s % 2), 0);
        double draws[CLR_AUGMENT_DRAWS] = {0};
        augment.step[0].op->draw(&augment.step[0], &rng, 32, 32, 32, draws);
        int pair = (int)draws[1];
        pairs[pair]++;
        for (int o = 0; o < 2; o++) {
            done[pair][o] += draws[2 + o] != 0;
            plus[o] += draws[4 + o] > 0;
            ck_assert(fabs(draws[4 + o]) == 1);
        }
        ck_assert_int_eq(draws[0] != 0, draws[2] != 0 || draws[3] != 0);
    }
    for (int pair = 0; pair < PAIRS; pair++) {
        char name[2][16];
        int level[2];
        double p[2];
        read_policy(pair, name, level, p);
        ck_assert_double_le(fabs(pairs[pair] - SAMPLES / 25.0), 4 * sqrt(SAMPLES * 0.04 * 0.96));
        for (int o = 0; o < 2; o++)
            ck_assert_msg(fabs(done[pair][o] - pairs[pair] * p[o]) <= 4 * sqrt(pairs[pair] * p[o] * (1 - p[o])) + 1e-9,
                          "%s: operation %d done in %d of %d", policy[pair], o, done[pair][o], pairs[pair]);
    }
    for (int o = 0; o < 2; o++)
        ck_assert_double_le(fabs(plus[o] - SAMPLES / 2.0), 4 * sqrt(SAMPLES / 4.0));
}
END_TEST

/* Every eleventh byte of what PIL 13.0 makes of 12 x 13 RGB pixels: operation by (pair, which of the two, sign). PIL
   cuts fractions off and rounds the degenerate image and the mean: `bytes` apart at most, none where it does not. */
static const struct {
    const char *what;
    int pair, second, sign;
    double bytes;
    uint8_t wanted[43];
} pil[] = {{"posterize4", 0, 0, 1, 0, {0,   128, 96, 160, 144, 112, 64,  128, 80,  224, 64,  128, 144, 96, 128,
                                       48,  80,  96, 208, 144, 160, 128, 48,  48,  32,  160, 144, 192, 96, 80,
                                       112, 128, 96, 16,  128, 64,  176, 80,  128, 96,  112, 144, 0}},
           {"solarize5", 1, 0, 1, 0, {0,   115, 109, 90, 96,  140, 74,  117, 80,  16, 76,  125, 107, 99,  116,
                                      57,  81,  108, 33, 106, 93,  124, 50,  50,  40, 93,  106, 50,  108, 81,
                                      141, 116, 99,  23, 125, 76,  67,  80,  117, 97, 140, 96,  6}},
           {"equalize", 2, 0, 1, 0, {0,   140, 109, 165, 159, 115, 74,  138, 80,  239, 76,  130, 148, 99,  139,
                                     57,  81,  108, 222, 149, 162, 131, 50,  50,  40,  162, 149, 205, 108, 81,
                                     114, 139, 99,  23,  130, 76,  188, 80,  138, 97,  115, 159, 6}},
           {"autocontrast", 1, 1, 1, 1, {0,   205, 141, 165, 244, 154, 74,  201, 82,  239, 74,  185, 148, 121, 203,
                                         57,  84,  139, 222, 224, 250, 131, 20,  20,  40,  250, 224, 205, 139, 84,
                                         114, 203, 121, 23,  185, 74,  188, 82,  201, 97,  154, 244, 6}},
           {"invert", 13, 0, 1, 0, {255, 115, 146, 90,  96,  140, 181, 117, 175, 16,  179, 125, 107, 156, 116,
                                    198, 174, 147, 33,  106, 93,  124, 205, 205, 215, 93,  106, 50,  147, 174,
                                    141, 116, 156, 232, 125, 179, 67,  175, 117, 158, 140, 96,  249}},
           {"rotate+8", 5, 1, 1, 0, {128, 128, 136, 128, 128, 107, 238, 128, 115, 193, 125, 158, 163, 106, 60,
                                     133, 122, 63,  103, 152, 101, 204, 133, 50,  159, 150, 161, 129, 54,  80,
                                     99,  137, 128, 69,  142, 143, 24,  64,  159, 128, 148, 125, 128}},
           {"shear+5", 18, 0, 1, 0, {0,   140, 109, 165, 159, 115, 74,  138, 80, 239, 76,  131, 163, 41, 128,
                                     72,  122, 57,  237, 163, 84,  128, 164, 71, 55,  124, 143, 220, 43, 49,
                                     129, 48,  116, 53,  154, 128, 218, 51,  49, 127, 158, 143, 128}},
           {"color+4", 14, 0, 1, 1.2, {0,   154, 108, 178, 163, 130, 59,  159, 69,  255, 78,  135, 171, 92,  129,
                                       45,  61,  104, 255, 185, 174, 125, 33,  27,  32,  177, 153, 244, 105, 81,
                                       110, 158, 85,  11,  137, 69,  228, 69,  153, 93,  127, 156, 0}},
           {"color-8", 16, 0, -1, 1.4, {25,  110, 110, 137, 149, 84,  103, 95,  100, 170, 70,  119, 101, 111, 157,
                                        81,  120, 115, 150, 75,  138, 143, 82,  94,  54,  130, 140, 125, 113, 81,
                                        121, 99,  125, 45,  114, 89,  108, 100, 106, 105, 90,  164, 90}},
           {"contrast+8", 14, 1, 1, 1.8, {0,   164, 109, 209, 199, 119, 46,  161, 56,  255, 49,  146, 179, 91,  163,
                                          15,  58,  107, 255, 181, 204, 148, 2,   2,   0,   204, 181, 255, 107, 58,
                                          118, 163, 91,  0,   146, 49,  251, 56,  161, 87,  119, 199, 0}},
           {"contrast-8", 14, 1, -1, 1.8, {87,  115, 109, 120, 119, 110, 102, 114, 103, 135, 102, 113, 116, 107, 115,
                                           98,  103, 108, 131, 117, 119, 113, 97,  97,  95,  119, 117, 128, 108, 103,
                                           110, 115, 107, 91,  113, 102, 124, 103, 114, 106, 110, 119, 88}},
           {"sharpness+7", 17, 0, 1, 1.35, {0,   140, 109, 165, 182, 124, 60,  138, 62,  255, 72,  146, 148, 108, 139,
                                            29,  76,  117, 255, 158, 192, 131, 19,  19,  0,   162, 158, 232, 117, 76,
                                            114, 155, 99,  0,   146, 72,  202, 62,  140, 97,  115, 159, 6}},
           {"sharpness-7", 17, 0, -1, 1.35, {0,   140, 109, 165, 135, 105, 88,  138, 97,  197, 79,  113, 148, 89, 139,
                                             84,  85,  98,  180, 139, 131, 131, 80,  80,  81,  162, 139, 177, 98, 85,
                                             114, 122, 99,  64,  113, 79,  174, 97,  135, 97,  115, 159, 6}}};

START_TEST(autoaugment_operations_are_pils)
{
    enum { HEIGHT = 12, WIDTH = 13, BYTES = HEIGHT * WIDTH * 3 };
    clr_augment augment = list("autoaugment");
    picture x = picture_new(HEIGHT, WIDTH, 3);
    const double draws[CLR_AUGMENT_DRAWS] = {1,           pil[_i].pair, !pil[_i].second, pil[_i].second, pil[_i].sign,
                                             pil[_i].sign};

    for (int i = 0; i < BYTES; i++)
        x.p[i] = (i % 3 ? (i * i + 7 * i + 3) % 251 / 2 + 40 : i * 5 % 256) / 255.0;
    clr_canvas canvas = canvas_of(&x);
    augment.step[0].op->apply(&augment.step[0], draws, WIDTH, &canvas);
    for (int i = 0; i < BYTES; i += 11)
        ck_assert_msg(fabs(canvas.pixels[i] * 255 - pil[_i].wanted[i / 11]) <= pil[_i].bytes + 1e-4,
                      "%s: byte %d is %g, PIL's %d", pil[_i].what, i, canvas.pixels[i] * 255, pil[_i].wanted[i / 11]);
    clr_free(x.p);
    free_canvas(&canvas);
}
END_TEST

START_TEST(lists_are_read)
{
    clr_augment a = list("crop:0.2-0.75,color:0.5:multiplicative,blur");

    ck_assert_int_eq(a.steps, 3);
    ck_assert_double_eq(a.step[0].number[0], 0.2);
    ck_assert_double_eq(a.step[0].number[1], 0.75);
    ck_assert_double_eq(a.step[1].number[0], 0.5);
    ck_assert_double_eq(a.step[1].number[1], 1);
    ck_assert_double_eq(a.step[2].number[0], 0.5);
    a = list("flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip");
    ck_assert_int_eq(a.steps, CLR_AUGMENT_MOST);
    ck_assert_int_eq(list("none").steps, 0);
}
END_TEST

/* A white frame around black pixels is cut off just where the words say so. */
START_TEST(the_protocol_is_what_is_done)
{
    enum { SIDE = 106, FRAME = 7 };
    static const int sizes[] = {8, 32, 33, 96};
    static uint8_t pixels[SIDE * SIDE];
    static float out[96 * 96];
    char text[CLR_AUGMENT_WORDS];

    for (int i = 0; i < SIDE * SIDE; i++) {
        int y = i / SIDE, x = i % SIDE;
        pixels[i] = y < FRAME || x < FRAME || y >= SIDE - FRAME || x >= SIDE - FRAME ? 255 : 0;
    }
    for (size_t i = 0; i < CLR_COUNT(sizes); i++) {
        float *scratch = CLR_NEW(float, clr_augment_floats(SIDE * SIDE, SIDE, 1, sizes[i]));
        clr_augment_evaluate(&(clr_image){SIDE, SIDE, 1, pixels}, sizes[i], scratch, out);
        clr_augment_protocol(sizes[i], 1, text);
        ck_assert_int_eq(out[0] == 0, strstr(text, "0.875") != NULL);
        ck_assert_int_eq(out[0] == 0, !strstr(text, "the whole image"));
        ck_assert_uint_lt(strlen(text), CLR_AUGMENT_WORDS - 20);
        clr_free(scratch);
    }
    ck_assert_int_eq(clr_augment_enough(224), 256);
    ck_assert_int_eq(clr_augment_enough(32), 64);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("augment");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, operators_are_their_formulas, 0, CLR_COUNT(alone));
    tcase_add_test(tcase, resizing_is_bicubic);
    tcase_add_test(tcase, blur_is_a_gaussian_with_zeros_around);
    tcase_add_loop_test(tcase, views_are_operators_in_order, 0, CLR_COUNT(chains));
    tcase_add_loop_test(tcase, odd_shapes_work, 0, CLR_COUNT(chains));
    tcase_add_test(tcase, gray_images_have_no_colour_to_change);
    tcase_add_test(tcase, views_are_functions_of_what_they_are_for);
    tcase_add_test(tcase, working_space_follows_the_pixels);
    tcase_add_test(tcase, evaluation_takes_the_centre);
    tcase_add_test(tcase, the_protocol_is_what_is_done);
    tcase_add_loop_test(tcase, what_cannot_be_meant_is_refused, 0, CLR_COUNT(refused));
    tcase_add_test(tcase, a_shared_crop_is_the_same_in_both_views);
    tcase_add_test(tcase, bytes_are_as_pil_makes_them);
    tcase_add_loop_test(tcase, autoaugment_is_its_table, 0, CLR_COUNT(policy));
    tcase_add_test(tcase, autoaugment_draws_what_its_table_says);
    tcase_add_loop_test(tcase, autoaugment_operations_are_pils, 0, CLR_COUNT(pil));
    tcase_add_test(tcase, lists_are_read);
    return clr_test_run("augment", tcase, CK_FORK_GETENV);
}
