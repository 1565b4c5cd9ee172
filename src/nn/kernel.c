/* SPDX-License-Identifier: BSD-3-Clause */
/* Inner loops of the passes. Channels are the fast dimension, so every loop over k is a vector loop with unit
   stride. Sums run in fp32 over chunks of 64 rows, relative to the mean, then in double. */
#include "kernel.h"

#include "../conv/moments.h"
#include "clr/mem.h"
#include "clr/stored.h"

#include <math.h>
#include <string.h>

extern const clr_nn_kernel CLR_STORED_KERNEL(clr_nn_kernel);

static void pool_mean(const clr_stored *stored, int pixels, int k, float *h)
{
    const clr_element *x = stored;
    float share = 1 / (float)pixels;

    for (int i = 0; i < k; i += CLR_LANES) {
        int n = k - i < CLR_LANES ? k - i : CLR_LANES;
        clr_vec sum = {0};
        for (int pixel = 0; pixel < pixels; pixel++)
            sum += clr_load_some(x + (int64_t)pixel * k + i, n);
        sum *= share;
        memcpy(h + i, &sum, (size_t)n * sizeof *h);
    }
}

static void pool_mean_backward(const float *dh, int pixels, int k, clr_stored *stored)
{
    clr_element *dx = stored;
    float share = 1 / (float)pixels;

    for (int pixel = 0; pixel < pixels; pixel++, dx += k)
        for (int i = 0; i < k; i += CLR_LANES) {
            int n = k - i < CLR_LANES ? k - i : CLR_LANES;
            clr_store_some(dx + i, share * clr_load_floats(dh + i, n), n);
        }
}

static int64_t pooled_elements(const clr_pool *pool)
{
    return (int64_t)((pool->h + 1) / 2) * ((pool->w + 1) / 2) * pool->k;
}

/* Where the pixels of the window of output (p, q) begin that exist; how many there are. */
static int window(const clr_pool *pool, int p, int q, int64_t place[9])
{
    int taps = 0;

    for (int r = 0; r < 3; r++)
        for (int s = 0; s < 3; s++) {
            int row = 2 * p + r - 1, column = 2 * q + s - 1;
            if (row >= 0 && row < pool->h && column >= 0 && column < pool->w)
                place[taps++] = ((int64_t)row * pool->w + column) * pool->k;
        }
    return taps;
}

static void pool_max(const clr_pool *pool, int image, clr_stored *all)
{
    int k = pool->k, rows = (pool->h + 1) / 2, columns = (pool->w + 1) / 2;
    const clr_element *y = (const clr_element *)pool->y + (int64_t)image * pool->h * pool->w * k;
    clr_element *out = (clr_element *)all + image * pooled_elements(pool);
    int64_t place[9];

    for (int p = 0; p < rows; p++)
        for (int q = 0; q < columns; q++, out += k) {
            int taps = window(pool, p, q, place);
            for (int i = 0; i < k; i += CLR_LANES) {
                int n = k - i < CLR_LANES ? k - i : CLR_LANES;
                clr_vec scale = clr_load_floats(pool->prologue.scale + i, n),
                        shift = clr_load_floats(pool->prologue.shift + i, n),
                        best = clr_broadcast(pool->prologue.relu ? 0 : -INFINITY); /* no output of a ReLU is below */
                for (int t = 0; t < taps; t++) {
                    clr_vec in = clr_load_some(y + place[t] + i, n), value = scale * in + shift;
                    clr_vec_i more = value > best;
                    best = (clr_vec)((more & (clr_vec_i)value) | (~more & (clr_vec_i)best));
                }
                clr_store_some(out + i, best, n);
            }
        }
}

/* The window's winner is found again, so that nothing is stored for it. Rows that no further window reaches are
   masked and summed. */
static void pool_max_backward(const clr_pool *pool, int image, const clr_stored *all_dout, clr_stored *all_dy,
                              const float *mean, double *sums)
{
    int h = pool->h, k = pool->k, rows = (h + 1) / 2, columns = (pool->w + 1) / 2;
    int64_t row = (int64_t)pool->w * k, place[9];
    const clr_prologue *prologue = &pool->prologue;
    const clr_element *y = (const clr_element *)pool->y + image * h * row,
                      *dout = (const clr_element *)all_dout + image * pooled_elements(pool);
    clr_element *dy = (clr_element *)all_dy + image * h * row;

    for (int p = 0; p < rows; p++) {
        int fresh = 2 * p, end = (int)clr_min64(h, fresh + 2), done = p ? fresh - 1 : 0,
            sealed = p + 1 < rows ? fresh + 1 : h;
        memset(dy + fresh * row, 0, (size_t)((end - fresh) * row) * sizeof *dy);
        for (int q = 0; q < columns; q++, dout += k) {
            int taps = window(pool, p, q, place);
            for (int i = 0; i < k; i += CLR_LANES) {
                int n = k - i < CLR_LANES ? k - i : CLR_LANES;
                clr_vec scale = clr_load_floats(prologue->scale + i, n),
                        shift = clr_load_floats(prologue->shift + i, n), best = clr_broadcast(-INFINITY),
                        from = clr_load_some(dout + i, n);
                clr_vec_i winner = {0};
                for (int t = 0; t < taps; t++) {
                    clr_vec in = clr_load_some(y + place[t] + i, n), value = scale * in + shift;
                    if (prologue->relu)
                        value = (clr_vec)((clr_vec_i)value & ~(value < 0.0f));
                    clr_vec_i more = value > best;
                    best = (clr_vec)((more & (clr_vec_i)value) | (~more & (clr_vec_i)best));
                    winner = (more & t) | (~more & winner);
                }
                for (int t = 0; t < taps; t++) {
                    clr_element *to = dy + place[t] + i;
                    clr_store_some(to, clr_load_some(to, n) + (clr_vec)((clr_vec_i)from & (winner == t)), n);
                }
            }
        }
        clr_relu_backward_rows(dy + done * row, y + done * row, y + done * row, (int64_t)(sealed - done) * pool->w, k,
                               prologue, mean, sums, k);
    }
}

static void store(const float *from, int64_t n, clr_stored *stored)
{
    clr_element *to = stored;

    for (int64_t i = 0; i < n; i += CLR_LANES) {
        int lanes = n - i < CLR_LANES ? (int)(n - i) : CLR_LANES;
        clr_store_some(to + i, clr_load_floats(from + i, lanes), lanes);
    }
}

const clr_nn_kernel CLR_STORED_KERNEL(clr_nn_kernel) = {.pool_mean = pool_mean,
                                                        .pool_mean_backward = pool_mean_backward,
                                                        .pool_max = pool_max,
                                                        .pool_max_backward = pool_max_backward,
                                                        .store = store};
