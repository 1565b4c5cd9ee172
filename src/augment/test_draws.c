/* SPDX-License-Identifier: BSD-3-Clause */
/* What the operators draw, over many samples: probabilities and means within four standard errors of the protocol's
   distributions. */
#include "clr/augment.h"
#include "clr/test.h"

#include <math.h>
#include <stdlib.h>

enum { N = 8000 };

static double drawn[N][CLR_AUGMENT_DRAWS];

/* draws of N samples, as the only operator of a list. */
static void draw(const char *text, int height, int width)
{
    clr_augment a;

    ck_assert_int_eq(clr_augment_parse(text, &a), CLR_OK);
    for (int i = 0; i < N; i++) {
        clr_rng rng = clr_rng_for(11, 2, (uint64_t)i, (uint32_t)i % 2, 0);
        a.step[0].op->draw(&a.step[0], &rng, height, width, 64, drawn[i]);
    }
}

static void check_mean(const char *what, const double *value, double mean, double deviation)
{
    double sum = 0;

    for (int i = 0; i < N; i++)
        sum += value[i];
    ck_assert_msg(fabs(sum / N - mean) <= 4 * deviation / sqrt(N), "%s: mean %g, not %g", what, sum / N, mean);
}

static void check_uniform(const char *what, int which, double low, double high)
{
    double value[N], square[N], wide = high - low;

    for (int i = 0; i < N; i++) {
        value[i] = drawn[i][which];
        ck_assert_msg(value[i] >= low && value[i] <= high, "%s: %g", what, value[i]);
        square[i] = pow((value[i] - low) / wide, 2);
    }
    check_mean(what, value, (low + high) / 2, wide / sqrt(12));
    check_mean(what, square, 1.0 / 3, sqrt(1.0 / 5 - 1.0 / 9));
}

static void check_shares(const char *what, const int *count, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_msg(fabs(count[i] - N / (double)n) <= 4 * sqrt(N * (1.0 / n) * (1 - 1.0 / n)), "%s: %d has %d", what,
                      i, count[i]);
}

static const struct {
    const char *list;
    double probability;
} chances[] = {{"crop", 1},    {"flip", 0.5},    {"flip:0.1", 0.1}, {"flip:0", 0}, {"flip:1", 1},
               {"color", 0.8}, {"gray", 0.2},    {"gray:0.7", 0.7}, {"blur", 0.5}, {"blur:0.9", 0.9},
               {"cutout", 1},  {"rotate", 0.75}, {"noise", 1},      {"sobel", 0.5}};

START_TEST(operators_are_as_likely_as_said)
{
    double p = chances[_i].probability, applied[N];

    draw(chances[_i].list, 48, 64);
    for (int i = 0; i < N; i++)
        applied[i] = drawn[i][0] != 0;
    check_mean(chances[_i].list, applied, p, sqrt(p * (1 - p)));
}
END_TEST

START_TEST(numbers_are_uniform)
{
    draw("blur", 48, 64);
    check_uniform("sigma", 1, 0.1, 2);
    draw("noise:0.3", 48, 64);
    check_uniform("deviation", 1, 0, 0.3);
    draw("color:0.5", 48, 64);
    check_uniform("brightness", 5, -0.4, 0.4);
    check_uniform("contrast", 6, 0.6, 1.4);
    check_uniform("saturation", 7, 0.6, 1.4);
    check_uniform("hue", 8, -0.1, 0.1);
    draw("color:2:multiplicative", 48, 64); /* no factor is below 0 */
    check_uniform("brightness", 5, 0, 2.6);
    check_uniform("contrast", 6, 0, 2.6);
    check_uniform("hue", 8, -0.4, 0.4);
}
END_TEST

START_TEST(places_are_uniform)
{
    int row[6] = {0}, column[8] = {0}, turns[4] = {0};

    draw("cutout", 6, 8);
    for (int i = 0; i < N; i++) {
        row[(int)drawn[i][1]]++;
        column[(int)drawn[i][2]]++;
    }
    check_shares("row", row, 6);
    check_shares("column", column, 8);
    draw("rotate", 6, 8);
    for (int i = 0; i < N; i++)
        turns[(int)drawn[i][0]]++;
    check_shares("turns", turns, 4);
}
END_TEST

START_TEST(jitter_has_every_order)
{
    int seen[256] = {0}, count[24], n = 0;

    draw("color", 48, 64);
    for (int i = 0; i < N; i++) {
        const double *o = drawn[i] + 1;
        seen[(int)(o[0] * 64 + o[1] * 16 + o[2] * 4 + o[3])]++;
    }
    for (int code = 0; code < 256; code++) {
        int used = 1 << code / 64 | 1 << code / 16 % 4 | 1 << code / 4 % 4 | 1 << code % 4;
        if (used == 15)
            count[n++] = seen[code];
        else
            ck_assert_int_eq(seen[code], 0);
    }
    check_shares("order", count, 24);
}
END_TEST

/* The protocol's rectangles, all of them by their weights: aspect w / h uniform in [3/4, 4/3], whole heights uniform
   between those of the least and the most area, refused below a tenth. Means and deviations of area and aspect. */
static void rectangles(int height, int width, double least, double most, double mean[2], double deviation[2])
{
    enum { FINE = 4000 };
    double whole = (double)height * width, weights = 0, sum[2] = {0}, square[2] = {0};

    for (int a = 0; a < FINE; a++) {
        double aspect = 0.75 + (a + 0.5) / FINE * (4.0 / 3 - 0.75);
        int low = (int)rint(sqrt(least * whole / aspect)), high = (int)rint(sqrt(most * whole / aspect));
        high = high < height ? high : height;
        while (rint(high * aspect) > width)
            high--;
        for (int h = low < high ? low : high; h <= high; h++) {
            double w = rint(h * aspect), value[2] = {h * w / whole, w / h},
                   weight = 1.0 / (high - (low < high ? low : high) + 1);
            if (value[0] < fmax(least, 0.1) || value[0] > most)
                continue;
            weights += weight;
            for (int k = 0; k < 2; k++) {
                sum[k] += weight * value[k];
                square[k] += weight * value[k] * value[k];
            }
        }
    }
    for (int k = 0; k < 2; k++) {
        mean[k] = sum[k] / weights;
        deviation[k] = sqrt(square[k] / weights - mean[k] * mean[k]);
    }
}

static const struct {
    const char *list;
    int height, width;
    double least, most;
} crops[] = {{"crop:0.08-1", 375, 500, 0.08, 1},
             {"crop:0.08-1", 500, 375, 0.08, 1},
             {"crop:0.08-1", 256, 256, 0.08, 1},
             {"crop:0.3-0.6", 300, 900, 0.3, 0.6},
             {"crop:0.2-1", 640, 480, 0.2, 1}};

START_TEST(crops_have_their_areas_and_aspects)
{
    int height = crops[_i].height, width = crops[_i].width, whole = 0;
    double mean[2], deviation[2], area[N], aspect[N], y[N], x[N];

    draw(crops[_i].list, height, width);
    rectangles(height, width, crops[_i].least, crops[_i].most, mean, deviation);
    for (int i = 0; i < N; i++) {
        double h = drawn[i][3], w = drawn[i][4], rounding = 0.5 / h;
        area[i] = h * w / ((double)height * width);
        aspect[i] = w / h;
        ck_assert_double_ge(area[i], fmax(crops[_i].least, 0.1));
        ck_assert_double_le(area[i], crops[_i].most);
        ck_assert_double_ge(aspect[i], 0.75 - rounding);
        ck_assert_double_le(aspect[i], 4.0 / 3 + rounding);
        ck_assert(drawn[i][1] >= 0 && drawn[i][2] >= 0 && drawn[i][1] + h <= height && drawn[i][2] + w <= width);
        ck_assert(h == height ? drawn[i][1] == 0
                              : drawn[i][1] < height - h); /* the last place is never taken, as in the original */
        y[i] = h < height - 1 ? drawn[i][1] / (height - h - 1) : 0.5;
        x[i] = w < width - 1 ? drawn[i][2] / (width - w - 1) : 0.5;
        whole += h == height && w == width;
    }
    check_mean("area", area, mean[0], deviation[0]);
    check_mean("aspect", aspect, mean[1], deviation[1]);
    check_mean("row", y, 0.5, 1 / sqrt(12)); /* small rooms vary a little more: within the four errors */
    check_mean("column", x, 0.5, 1 / sqrt(12));
    ck_assert_int_le(whole, N / 1000);
}
END_TEST

/* Where no rectangle of such an aspect is large enough, it is the whole image. */
START_TEST(impossible_crops_are_the_whole)
{
    static const int shape[][2] = {{10, 400}, {400, 10}, {1, 3000}, {2, 50}};

    draw("crop:0.08-1", shape[_i][0], shape[_i][1]);
    for (int i = 0; i < N; i++) {
        ck_assert_double_eq(drawn[i][3], shape[_i][0]);
        ck_assert_double_eq(drawn[i][4], shape[_i][1]);
        ck_assert_double_eq(drawn[i][1] + drawn[i][2], 0);
    }
}
END_TEST

/* The noise itself: of the deviation drawn, each pixel its own. */
START_TEST(noise_is_normal)
{
    enum { SIDE = 64 };
    static float pixels[SIDE * SIDE * 3];
    clr_augment a;
    double sum = 0, square = 0, neighbours = 0;
    const int n = SIDE * SIDE * 3;

    ck_assert_int_eq(clr_augment_parse("noise:0.1", &a), CLR_OK);
    draw("noise:0.1", SIDE, SIDE);
    drawn[0][1] = 0.1;
    for (int i = 0; i < n; i++)
        pixels[i] = 0.5f; /* five deviations from either end */
    clr_canvas canvas = {SIDE, SIDE, 3, pixels, NULL, NULL};
    a.step[0].op->apply(&a.step[0], drawn[0], SIDE, &canvas);
    for (int i = 0; i < n; i++) {
        double z = (pixels[i] - 0.5) / 0.1;
        sum += z;
        square += z * z;
        neighbours += i ? z * (pixels[i - 1] - 0.5) / 0.1 : 0;
    }
    ck_assert_double_le(fabs(sum / n), 4 / sqrt(n));
    ck_assert_double_le(fabs(square / n - 1), 4 * sqrt(2.0 / n));
    ck_assert_double_le(fabs(neighbours / n), 4 / sqrt(n));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("draws");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, operators_are_as_likely_as_said, 0, sizeof chances / sizeof *chances);
    tcase_add_test(tcase, numbers_are_uniform);
    tcase_add_test(tcase, places_are_uniform);
    tcase_add_test(tcase, jitter_has_every_order);
    tcase_add_loop_test(tcase, crops_have_their_areas_and_aspects, 0, sizeof crops / sizeof *crops);
    tcase_add_loop_test(tcase, impossible_crops_are_the_whole, 0, 4);
    tcase_add_test(tcase, noise_is_normal);
    return clr_test_run("draws", tcase, CK_FORK_GETENV);
}
