/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_MOMENTS_H
#define CLR_MOMENTS_H
/* Sums for batch norm, gathered while rows are in cache. Inside a chunk of rows sums are fp32 relative to a pivot
   (the chunk's first row, or a given mean), so that no near-equal large numbers are subtracted; totals are double:

     d = y - pivot,   sum y = n pivot + sum d,   sum y^2 = n pivot^2 + 2 pivot sum d + sum d^2.

   Included by kernel files, so that it is compiled for each instruction set. Local. */

#include "clr/conv.h"

#include <stdint.h>

enum { CLR_MOMENT_ROWS = 64, CLR_MOMENT_LANES = 64 };

/* Adds the moments of n rows (n, k), `ld` floats apart, to sums: sum y in sums[0..k), sum y^2 in sums[width..width +
   k). */
static inline void clr_moments_rows(const float *y, int64_t n, int64_t ld, int k, double *sums, int64_t width)
{
    for (int64_t first = 0; first < n; first += CLR_MOMENT_ROWS) {
        int64_t rows = n - first < CLR_MOMENT_ROWS ? n - first : CLR_MOMENT_ROWS;
        for (int k0 = 0; k0 < k; k0 += CLR_MOMENT_LANES) {
            int lanes = k - k0 < CLR_MOMENT_LANES ? k - k0 : CLR_MOMENT_LANES;
            const float *at = y + first * ld + k0;
            float a[CLR_MOMENT_LANES] = {0}, b[CLR_MOMENT_LANES] = {0}, pivot[CLR_MOMENT_LANES] = {0};
            for (int i = 0; i < lanes; i++)
                pivot[i] = at[i];
            if (lanes == CLR_MOMENT_LANES) {
                for (int64_t row = 0; row < rows; row++)
                    for (int i = 0; i < CLR_MOMENT_LANES; i++) {
                        float d = at[row * ld + i] - pivot[i];
                        a[i] += d;
                        b[i] += d * d;
                    }
            } else {
                for (int64_t row = 0; row < rows; row++)
                    for (int i = 0; i < lanes; i++) {
                        float d = at[row * ld + i] - pivot[i];
                        a[i] += d;
                        b[i] += d * d;
                    }
            }
            for (int i = 0; i < lanes; i++) {
                double p = pivot[i], n_rows = (double)rows;
                sums[k0 + i] += n_rows * p + a[i];
                sums[width + k0 + i] += n_rows * p * p + 2 * p * a[i] + b[i];
            }
        }
    }
}

/* dx (n, c) is masked in place where relu(scale x + shift) is flat (without scale: relu(x); without ReLU x is not
   read). Then sum dx and sum dx (bn_input - mean) are added to sums (as above). sums NULL: only the mask. */
static inline void clr_relu_backward_rows(float *dx, const float *x, const float *bn_input, int64_t n, int c,
                                          const clr_prologue *prologue, const float *mean, double *sums, int64_t width)
{
    for (int64_t first = 0; first < n; first += CLR_MOMENT_ROWS) {
        int64_t rows = n - first < CLR_MOMENT_ROWS ? n - first : CLR_MOMENT_ROWS;
        for (int c0 = 0; c0 < c; c0 += CLR_MOMENT_LANES) {
            int lanes = c - c0 < CLR_MOMENT_LANES ? c - c0 : CLR_MOMENT_LANES;
            float a[CLR_MOMENT_LANES] = {0}, b[CLR_MOMENT_LANES] = {0};
            float scale[CLR_MOMENT_LANES], shift[CLR_MOMENT_LANES], centre[CLR_MOMENT_LANES];
            for (int i = 0; i < lanes; i++) {
                scale[i] = prologue->scale ? prologue->scale[c0 + i] : 1;
                shift[i] = prologue->scale ? prologue->shift[c0 + i] : 0;
                centre[i] = mean ? mean[c0 + i] : 0;
            }
            for (int64_t row = 0; row < rows; row++) {
                float *d = dx + (first + row) * c + c0;
                const float *other = bn_input + (first + row) * c + c0;
                if (prologue->relu) {
                    const float *in = x + (first + row) * c + c0;
                    for (int i = 0; i < lanes; i++)
                        d[i] = scale[i] * in[i] + shift[i] > 0 ? d[i] : 0;
                }
                for (int i = 0; i < lanes; i++) {
                    a[i] += d[i];
                    b[i] += d[i] * (other[i] - centre[i]);
                }
            }
            if (sums)
                for (int i = 0; i < lanes; i++) {
                    sums[c0 + i] += a[i];
                    sums[width + c0 + i] += b[i];
                }
        }
    }
}

#endif
