/* SPDX-License-Identifier: BSD-3-Clause */
/* See clr/features.h. With x the rows scaled to unit length, m their mean and C their covariance,
     deviation   sqrt(D) times the mean over dimensions of sqrt(C_jj): 1 where rows are spread evenly, 0 where all agree
     rank        (tr C)^2 / |C|_F^2, the participation ratio of C's eigenvalues
     uniformity  log of the mean over pairs i != j of exp(-2 |x_i - x_j|^2), |x_i - x_j|^2 = 2 - 2 x_i x_j. */
#include "clr/features.h"

#include "clr/gemm.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <math.h>
#include <string.h>

enum {
    SAMPLED = 4096, /* rows that are looked at */
    WIDEST = 8192,  /* D: beyond, C takes more memory than it is worth */
    STRIP = 256,    /* rows of a product at a time */
};

/* (n, dim): rows spread over all, of unit length; rows of zeros stay. */
static float *unit_rows(const clr_features *f, int64_t n)
{
    float *x = CLR_NEW(float, n * f->dim);

#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        const float *h = f->h + i * f->rows / n * f->dim;
        double sum = 0;
        for (int j = 0; j < f->dim; j++)
            sum += (double)h[j] * h[j];
        for (int j = 0; j < f->dim && sum > 0; j++)
            x[i * f->dim + j] = (float)(h[j] / sqrt(sum));
    }
    return x;
}

static double uniformity_of(const float *x, int64_t n, int64_t dim)
{
    double sum = 0;

#pragma omp parallel reduction(+ : sum)
    {
        float *dots = CLR_NEW(float, STRIP *n);
#pragma omp for schedule(static)
        for (int64_t at = 0; at < n; at += STRIP) {
            int64_t rows = clr_min64(STRIP, n - at);
            clr_gemm(false, true, rows, n, dim, 1, x + at * dim, dim, x, dim, 0, dots, n);
            for (int64_t i = 0; i < rows; i++)
                for (int64_t j = 0; j < n; j++)
                    sum += j == at + i ? 0 : exp(4 * fmin(1, dots[i * n + j]) - 4);
        }
        clr_free(dots);
    }
    return log(sum / ((double)n * (double)(n - 1)));
}

/* Takes the mean off x. */
static void centre(float *x, int64_t n, int64_t dim)
{
#pragma omp parallel for schedule(static)
    for (int64_t j = 0; j < dim; j++) {
        double mean = 0;
        for (int64_t i = 0; i < n; i++)
            mean += (double)x[i * dim + j] / (double)n;
        for (int64_t i = 0; i < n; i++)
            x[i * dim + j] = (float)((double)x[i * dim + j] - mean);
    }
}

clr_features_figures clr_features_look(const clr_features *f)
{
    clr_features_figures figures = {NAN, NAN, NAN};
    int64_t dim = f->dim, n = clr_min64(f->rows, SAMPLED);
    double trace = 0, squares = 0, deviation = 0;

    if (n < 2 || dim > WIDEST)
        return figures;
    float *x = unit_rows(f, n), *c = CLR_NEW(float, dim *dim);
    figures.uniformity = uniformity_of(x, n, dim);
    centre(x, n, dim);
#pragma omp parallel for schedule(static)
    for (int64_t at = 0; at < dim; at += STRIP)
        clr_gemm(true, false, clr_min64(STRIP, dim - at), dim, n, 1, x + at, dim, x, dim, 0, c + at * dim, dim);
    for (int64_t j = 0; j < dim; j++) {
        trace += c[j * dim + j];
        deviation += sqrt(fmax(0, c[j * dim + j]) / (double)n) / (double)dim;
        for (int64_t k = 0; k < dim; k++)
            squares += (double)c[j * dim + k] * c[j * dim + k];
    }
    figures.deviation = sqrt((double)dim) * deviation;
    figures.rank = squares > 0 ? trace * trace / squares : 0;
    clr_free(c);
    clr_free(x);
    return figures;
}
