/* SPDX-License-Identifier: BSD-3-Clause */
/* Bicubic: weight of a tap at distance t: 1.5|t|^3 - 2.5|t|^2 + 1 for |t| <= 1, -0.5|t|^3 + 2.5|t|^2 - 4|t| + 2 for
   1 < |t| < 2 (Keys 1981, a = -1/2). Output i lies at (i + 1/2) h / size - 1/2. Rows are combined first, then columns.
   */
#include "tools.h"

#include <math.h>

enum { TAPS = 4 };

static double keys(double t)
{
    t = fabs(t);
    return t <= 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/* The taps of output i along an axis of n pixels: first pixel, and weights (0 outside, the others renormalised). */
static int taps(int i, int n, int size, float *weight)
{
    double at = (i + 0.5) * n / size - 0.5, sum = 0, raw[TAPS];
    int first = (int)floor(at) - 1;

    for (int t = 0; t < TAPS; t++) {
        raw[t] = first + t >= 0 && first + t < n ? keys(at - first - t) : 0;
        sum += raw[t];
    }
    int inside = first < 0          ? 0
                 : first > n - TAPS ? (n > TAPS ? n - TAPS : 0)
                                    : first; /* so that all taps can be read */
    for (int t = 0; t < TAPS; t++) {
        int from = inside + t - first;
        weight[t] = from >= 0 && from < TAPS ? (float)(raw[from] / sum) : 0;
    }
    return inside;
}

void clr_canvas_resize(clr_canvas *canvas, int y, int x, int h, int w, int size)
{
    int c = canvas->channels, reach_h = h < TAPS ? h : TAPS, reach_w = w < TAPS ? w : TAPS;
    float *row = canvas->rows, *weights = row + (int64_t)(canvas->width > size ? canvas->width : size) * c;
    int *place = (int *)(weights + TAPS * size);
    int64_t ld = (int64_t)canvas->width * c;
    const float *in = canvas->pixels + y * ld + (int64_t)x * c;

    for (int i = 0; i < size; i++)
        place[i] = taps(i, w, size, weights + TAPS * i) * c;
    for (int i = 0; i < size; i++) {
        float weight[TAPS];
        const float *from = in + taps(i, h, size, weight) * ld;
        float *restrict to = canvas->spare + (int64_t)i * size * c;
        if (reach_h == TAPS)
            for (int j = 0; j < w * c; j++)
                row[j] = weight[0] * from[j] + weight[1] * from[j + ld] + weight[2] * from[j + 2 * ld] +
                         weight[3] * from[j + 3 * ld];
        else
            for (int j = 0; j < w * c; j++) {
                row[j] = 0;
                for (int t = 0; t < reach_h; t++)
                    row[j] += weight[t] * from[j + t * ld];
            }
        for (int j = 0; j < size; j++) {
            const float *at = row + place[j], *by = weights + TAPS * j;
            for (int k = 0; k < c; k++) {
                float sum = 0;
                for (int t = 0; t < reach_w; t++)
                    sum += by[t] * at[t * c + k];
                to[j * c + k] = sum;
            }
        }
    }
    clr_canvas_swap(canvas);
    canvas->height = canvas->width = size;
}
