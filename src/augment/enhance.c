/* SPDX-License-Identifier: BSD-3-Clause */
/* AutoAugment's operations. Saturation, contrast and sharpness are y = d + f (x - d) with a degenerate image d. */
#include "enhance.h"

#include "tools.h"

#include <math.h>

static const float OUTSIDE = 128.0f / 255;

static int64_t pixels_of(const clr_canvas *canvas)
{
    return (int64_t)canvas->height * canvas->width;
}

static float blend(float degenerate, float value, float factor)
{
    return clr_clip(degenerate + factor * (value - degenerate));
}

static float luma(const clr_canvas *canvas, int64_t pixel)
{
    const float *p = canvas->pixels + pixel * canvas->channels;

    return canvas->channels == 1 ? p[0] : 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
}

void clr_canvas_posterize(clr_canvas *canvas, int bits)
{
    int64_t n = pixels_of(canvas) * canvas->channels;
    int mask = 0xff & ~((1 << (8 - bits)) - 1);

    for (int64_t i = 0; i < n; i++)
        canvas->pixels[i] = (float)(clr_byte(canvas->pixels[i]) & mask) / 255;
}

void clr_canvas_saturation(clr_canvas *canvas, float factor)
{
    int64_t n = pixels_of(canvas);
    int c = canvas->channels;

    for (int64_t i = 0; i < n && c > 1; i++) {
        float gray = luma(canvas, i);
        for (int k = 0; k < c; k++)
            canvas->pixels[i * c + k] = blend(gray, canvas->pixels[i * c + k], factor);
    }
}

void clr_canvas_contrast(clr_canvas *canvas, float factor)
{
    int64_t n = pixels_of(canvas);
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += luma(canvas, i);
    float mean = (float)(sum / (double)n);
    for (int64_t i = 0; i < n * canvas->channels; i++)
        canvas->pixels[i] = blend(mean, canvas->pixels[i], factor);
}

void clr_canvas_sharpness(clr_canvas *canvas, float factor)
{
    int c = canvas->channels, h = canvas->height, w = canvas->width;

    for (int y = 0; y < h; y++)
        for (int i = 0; i < w * c; i++) {
            const float *p = canvas->pixels + (int64_t)y * w * c + i;
            float smooth = p[0];
            if (y > 0 && y < h - 1 && i >= c && i < (w - 1) * c) {
                float sum = 4 * p[0];
                for (int a = -1; a <= 1; a++)
                    for (int b = -1; b <= 1; b++)
                        sum += p[((int64_t)a * w + b) * c];
                smooth = sum / 13;
            }
            canvas->spare[(int64_t)y * w * c + i] = blend(smooth, p[0], factor);
        }
    clr_canvas_swap(canvas);
}

void clr_canvas_autocontrast(clr_canvas *canvas)
{
    int64_t n = pixels_of(canvas);
    int c = canvas->channels;

    for (int k = 0; k < c; k++) {
        float low = 1, high = 0;
        for (int64_t i = k; i < n * c; i += c) {
            low = fminf(low, canvas->pixels[i]);
            high = fmaxf(high, canvas->pixels[i]);
        }
        for (int64_t i = k; i < n * c && high > low; i += c)
            canvas->pixels[i] = (canvas->pixels[i] - low) / (high - low);
    }
}

void clr_canvas_invert(clr_canvas *canvas)
{
    int64_t n = pixels_of(canvas) * canvas->channels;

    for (int64_t i = 0; i < n; i++)
        canvas->pixels[i] = 1 - canvas->pixels[i];
}

void clr_canvas_affine(clr_canvas *canvas, const double *by)
{
    int c = canvas->channels, h = canvas->height, w = canvas->width;

    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            double column = floor(by[0] * (x + 0.5) + by[1] * (y + 0.5) + by[2]);
            double row = floor(by[3] * (x + 0.5) + by[4] * (y + 0.5) + by[5]);
            bool inside = column >= 0 && column < w && row >= 0 && row < h;
            int64_t from = inside ? ((int64_t)row * w + (int64_t)column) * c : 0;
            for (int k = 0; k < c; k++)
                canvas->spare[((int64_t)y * w + x) * c + k] = inside ? canvas->pixels[from + k] : OUTSIDE;
        }
    clr_canvas_swap(canvas);
}
