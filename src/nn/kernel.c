/* SPDX-License-Identifier: BSD-3-Clause */
/* Inner loops of the passes. Channels are the fast dimension, so every loop over k is a vector loop with unit
   stride. Sums run in fp32 over chunks of 64 rows, relative to the mean, then in double. */
#include "kernel.h"

#include "../conv/moments.h"
#include "clr/isa.h"
#include "clr/mem.h"

#include <math.h>
#include <string.h>

extern const clr_nn_kernel CLR_KERNEL(clr_nn_kernel);

static void apply_prologue(const float *restrict y, const clr_prologue *prologue, int64_t rows, int k,
                           float *restrict out)
{
    const float *restrict scale = prologue->scale, *restrict shift = prologue->shift;
    float floor = prologue->relu ? 0 : -INFINITY;

    if (!scale) {
        memcpy(out, y, (size_t)rows * (size_t)k * sizeof *out);
        return;
    }
    for (int64_t row = 0; row < rows; row++, y += k, out += k)
        for (int i = 0; i < k; i++) {
            float activated = scale[i] * y[i] + shift[i];
            out[i] = activated < floor ? floor : activated;
        }
}

static void pool_mean(const float *x, int pixels, int k, float *restrict h)
{
    float share = 1 / (float)pixels;

    memset(h, 0, (size_t)k * sizeof *h);
    for (int pixel = 0; pixel < pixels; pixel++, x += k)
        for (int i = 0; i < k; i++)
            h[i] += x[i];
    for (int i = 0; i < k; i++)
        h[i] *= share;
}

static void pool_mean_backward(const float *restrict dh, int pixels, int k, float *restrict dx)
{
    float share = 1 / (float)pixels;

    for (int pixel = 0; pixel < pixels; pixel++, dx += k)
        for (int i = 0; i < k; i++)
            dx[i] = share * dh[i];
}

static inline float activated(const clr_prologue *prologue, float y, int c)
{
    float value = prologue->scale[c] * y + prologue->shift[c];
    return prologue->relu && value < 0 ? 0 : value;
}

static int64_t pooled_floats(const clr_pool *pool)
{
    return (int64_t)((pool->h + 1) / 2) * ((pool->w + 1) / 2) * pool->k;
}

static void pool_max(const clr_pool *pool, int image, float *out)
{
    int h = pool->h, w = pool->w, k = pool->k, rows = (h + 1) / 2, columns = (w + 1) / 2;
    const float *restrict scale = pool->prologue.scale, *restrict shift = pool->prologue.shift,
                          *y = (const float *)pool->y + (int64_t)image * h * w * k;

    out += image * pooled_floats(pool);
    for (int p = 0; p < rows; p++)
        for (int q = 0; q < columns; q++) {
            float *restrict to = out + ((int64_t)p * columns + q) * k;
            for (int i = 0; i < k; i++)
                to[i] = pool->prologue.relu ? 0 : -INFINITY; /* no output of a ReLU is below */
            for (int r = 0; r < 3; r++)
                for (int s = 0; s < 3; s++) {
                    int row = 2 * p + r - 1, column = 2 * q + s - 1;
                    if (row < 0 || row >= h || column < 0 || column >= w)
                        continue;
                    const float *restrict in = y + ((int64_t)row * w + column) * k;
                    for (int i = 0; i < k; i++) {
                        float value = scale[i] * in[i] + shift[i];
                        to[i] = value > to[i] ? value : to[i];
                    }
                }
        }
}

/* The window's winner is found again, so that nothing is stored for it. Rows that no further window reaches are
   masked and summed. */
static void pool_max_backward(const clr_pool *pool, int image, const float *dout, float *dy, const float *mean,
                              double *sums)
{
    enum { LANES = 64 };
    int h = pool->h, w = pool->w, k = pool->k, rows = (h + 1) / 2, columns = (w + 1) / 2;
    int64_t row_floats = (int64_t)w * k;
    const clr_prologue *prologue = &pool->prologue;
    const float *y = (const float *)pool->y + image * h * row_floats;

    dy += image * h * row_floats;
    dout += image * pooled_floats(pool);
    for (int p = 0; p < rows; p++) {
        int fresh = 2 * p, end = (int)clr_min64(h, fresh + 2), done = p ? fresh - 1 : 0,
            sealed = p + 1 < rows ? fresh + 1 : h;
        memset(dy + fresh * row_floats, 0, (size_t)((end - fresh) * row_floats) * sizeof *dy);
        for (int q = 0; q < columns; q++)
            for (int k0 = 0; k0 < k; k0 += LANES) {
                int lanes = k - k0 < LANES ? k - k0 : LANES, taps = 0;
                float best[LANES];
                int32_t winner[LANES];
                int64_t place[9];
                for (int i = 0; i < lanes; i++)
                    best[i] = -INFINITY, winner[i] = 0;
                for (int r = 0; r < 3; r++)
                    for (int s = 0; s < 3; s++) {
                        int row = 2 * p + r - 1, column = 2 * q + s - 1;
                        if (row < 0 || row >= h || column < 0 || column >= w)
                            continue;
                        place[taps] = ((int64_t)row * w + column) * k + k0;
                        const float *in = y + place[taps];
                        for (int i = 0; i < lanes; i++) {
                            float value = activated(prologue, in[i], k0 + i);
                            winner[i] = value > best[i] ? taps : winner[i];
                            best[i] = value > best[i] ? value : best[i];
                        }
                        taps++;
                    }
                const float *from = dout + ((int64_t)p * columns + q) * k + k0;
                for (int t = 0; t < taps; t++)
                    for (int i = 0; i < lanes; i++)
                        dy[place[t] + i] += winner[i] == t ? from[i] : 0;
            }
        clr_relu_backward_rows(dy + done * row_floats, y + done * row_floats, y + done * row_floats,
                               (int64_t)(sealed - done) * w, k, prologue, mean, sums, k);
    }
}

const clr_nn_kernel CLR_KERNEL(clr_nn_kernel) = {.apply_prologue = apply_prologue,
                                                 .pool_mean = pool_mean,
                                                 .pool_mean_backward = pool_mean_backward,
                                                 .pool_max = pool_max,
                                                 .pool_max_backward = pool_max_backward};
