/* SPDX-License-Identifier: BSD-3-Clause */
/* The covariance C (dim, dim), then orthogonal iteration on a block V of a few more columns than are wanted:
   V = orth(C V), many times, and at last the eigenvectors of V' C V (Jacobi) within V. */
#include "clr/projection.h"

#include "clr/gemm.h"
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/tensor.h"

#include <math.h>
#include <string.h>

enum { MORE = 10, ROUNDS = 80, SWEEPS = 30, BLOCK = 64 };

/* c (dim, columns) = a' b / rows where `transposed`, else a b, in parts of BLOCK rows of c, shared by threads. */
static void multiply(bool transposed, int64_t m, int64_t n, int64_t k, const float *a, const float *b, float alpha,
                     float *c)
{
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < m; i += BLOCK)
        clr_gemm(transposed, false, clr_min64(BLOCK, m - i), n, k, alpha, transposed ? a + i : a + i * k,
                 transposed ? m : k, b, n, 0, c + i * n, n);
}

/* Gram-Schmidt, twice, on the columns of v (dim, m). */
static void orthonormalise(float *v, int dim, int m)
{
    for (int j = 0; j < m; j++)
        for (int again = 0; again < 2; again++) {
            double size = 0;
            for (int l = 0; l < j; l++) {
                double dot = 0;
                for (int i = 0; i < dim; i++)
                    dot += (double)v[i * m + j] * v[i * m + l];
                for (int i = 0; i < dim; i++)
                    v[i * m + j] -= (float)(dot * v[i * m + l]);
            }
            for (int i = 0; i < dim; i++)
                size += (double)v[i * m + j] * v[i * m + j];
            double scale = size > 0 ? 1 / sqrt(size) : 0;
            for (int i = 0; i < dim; i++)
                v[i * m + j] = (float)(scale * v[i * m + j]);
        }
}

/* Eigenvectors of the symmetric b (m, m) into the columns of e; b becomes diagonal. */
static void jacobi(double *b, double *e, int m)
{
    for (int i = 0; i < m * m; i++)
        e[i] = i % (m + 1) == 0;
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int p = 0; p < m; p++)
            for (int q = p + 1; q < m; q++) {
                double x = b[p * m + q];
                if (x == 0)
                    continue;
                double theta = (b[q * m + q] - b[p * m + p]) / (2 * x);
                double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(1 + theta * theta)), c = 1 / sqrt(1 + t * t),
                       s = t * c;
                for (int i = 0; i < m; i++) {
                    double u = b[i * m + p], w = b[i * m + q];
                    b[i * m + p] = c * u - s * w;
                    b[i * m + q] = s * u + c * w;
                }
                for (int i = 0; i < m; i++) {
                    double u = b[p * m + i], w = b[q * m + i];
                    b[p * m + i] = c * u - s * w;
                    b[q * m + i] = s * u + c * w;
                    u = e[i * m + p], w = e[i * m + q];
                    e[i * m + p] = c * u - s * w;
                    e[i * m + q] = s * u + c * w;
                }
            }
}

/* A block of directions, the columns of v (dim, m), and the covariance times it. */
typedef struct directions_block {
    float *v, *cv;
    int dim, m;
} directions_block;

/* The k best directions of the block into axes (dim, k); their variances into value. */
static void choose(const directions_block *block, int k, float *axes, double *value)
{
    const float *v = block->v, *cv = block->cv;
    int dim = block->dim, m = block->m;
    double *b = CLR_NEW(double, m *m), *e = CLR_NEW(double, m *m);

    for (int p = 0; p < m; p++)
        for (int q = 0; q < m; q++)
            for (int i = 0; i < dim; i++)
                b[p * m + q] += 0.5 * ((double)v[i * m + p] * cv[i * m + q] + (double)v[i * m + q] * cv[i * m + p]);
    jacobi(b, e, m);
    for (int j = 0; j < k; j++) {
        int best = 0;
        for (int l = 1; l < m; l++)
            best = b[l * m + l] > b[best * m + best] ? l : best;
        float largest = 0;
        for (int i = 0; i < dim; i++) {
            double x = 0;
            for (int l = 0; l < m; l++)
                x += v[i * m + l] * e[l * m + best];
            axes[i * k + j] = (float)x;
            largest = fabsf((float)x) > fabsf(largest) ? (float)x : largest;
        }
        for (int i = 0; i < dim; i++)
            axes[i * k + j] *= largest < 0 ? -1 : 1;
        value[j] = b[best * m + best];
        b[best * m + best] = -INFINITY;
    }
    clr_free(b);
    clr_free(e);
}

/* The k directions of largest variance of centred rows, and those variances. Returns the variance of all. */
static double directions(const float *x, int64_t rows, int dim, int k, float *axes, double *value)
{
    int m = (int)clr_min64(dim, k + MORE);
    float *c = CLR_NEW(float, (int64_t)dim *dim), *v = CLR_NEW(float, (int64_t)dim *m),
          *cv = CLR_NEW(float, (int64_t)dim *m);
    clr_rng rng = clr_rng_for(1, 0, 0, 0, CLR_RNG_PROBE);
    double all = 0;

    multiply(true, dim, dim, rows, x, x, 1 / (float)rows, c);
    for (int i = 0; i < dim; i++)
        all += c[(int64_t)i * dim + i];
    for (int64_t i = 0; i < (int64_t)dim * m; i++)
        v[i] = (float)clr_rng_normal(&rng);
    orthonormalise(v, dim, m);
    for (int round = 0; round < ROUNDS; round++) {
        multiply(false, dim, m, dim, c, v, 1, cv);
        memcpy(v, cv, (size_t)dim * (size_t)m * sizeof *v);
        orthonormalise(v, dim, m);
    }
    multiply(false, dim, m, dim, c, v, 1, cv);
    choose(&(directions_block){v, cv, dim, m}, k, axes, value);
    clr_free(c);
    clr_free(v);
    clr_free(cv);
    return all;
}

clr_status clr_pca(const float *x, int64_t rows, int dim, int k, float *out, double *share)
{
    double need = sizeof(float) * ((double)rows * dim + (double)dim * (dim + 2.0 * (k + MORE)));

    if (need > 0.8 * (double)clr_memory_available())
        return clr_fail(CLR_EMEMORY, "the principal components of %lld rows of %d numbers need %.1f GB",
                        (long long)rows, dim, need * 1e-9);
    clr_gemm_start();
    float *centred = CLR_NEW(float, rows *dim), *axes = CLR_NEW(float, (int64_t)dim *k);
    double *mean = CLR_NEW(double, dim), *value = CLR_NEW(double, k);
    for (int64_t r = 0; r < rows; r++)
        for (int i = 0; i < dim; i++)
            mean[i] += x[r * dim + i] / (double)rows;
    for (int64_t r = 0; r < rows; r++)
        for (int i = 0; i < dim; i++)
            centred[r * dim + i] = (float)(x[r * dim + i] - mean[i]);
    double all = directions(centred, rows, dim, k, axes, value);
    multiply(false, rows, k, dim, centred, axes, 1, out);
    for (int j = 0; j < k && share; j++)
        share[j] = all > 0 ? value[j] / all : 0;
    clr_free(centred);
    clr_free(axes);
    clr_free(mean);
    clr_free(value);
    return CLR_OK;
}
