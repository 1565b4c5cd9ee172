/* SPDX-License-Identifier: BSD-3-Clause */
/* Gradient descent with momentum and a gain for each coordinate, p exaggerated at first. The sum over all pairs is
   computed as it is: for 10,000 rows it is 10^8 pairs a step, which vectors do faster than a tree. */
#include "tsne.h"

#include "clr/isa.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <math.h>

enum { EARLY = 12 /* exaggeration */, PART = 64 };

CLR_KERNEL_DECLARE(clr_repulsion, clr_repulsion);

double clr_tsne_gradient(const clr_tsne_pairs *pairs, const float *y, int64_t stride, double exaggeration, float *work,
                         double *gradient)
{
    clr_repulsion *repulsion = CLR_KERNEL_PICK(clr_repulsion);
    int64_t rows = pairs->rows;
    double z = 0;

#pragma omp parallel for schedule(dynamic)
    for (int64_t from = 0; from < rows; from += PART)
        repulsion(y, stride, from, clr_min64(rows, from + PART), work);
    for (int64_t i = 0; i < rows; i++)
        z += work[2 * stride + i] - 1; /* without i itself */
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < rows; i++) {
        double fx = 0, fy = 0;
        for (int64_t l = pairs->begin[i]; l < pairs->begin[i + 1]; l++) {
            const clr_tsne_pair *e = &pairs->entry[l];
            double dx = (double)y[i] - y[e->j], dy = (double)y[stride + i] - y[stride + e->j];
            double w = e->p / (1 + dx * dx + dy * dy);
            fx += w * dx;
            fy += w * dy;
        }
        gradient[2 * i] = 4 * (exaggeration * fx - work[i] / z);
        gradient[2 * i + 1] = 4 * (exaggeration * fy - work[stride + i] / z);
    }
    return z;
}

static double divergence_of(const clr_tsne_pairs *pairs, const float *y, int64_t stride, double z)
{
    double sum = 0;

    for (int64_t i = 0; i < pairs->rows; i++)
        for (int64_t l = pairs->begin[i]; l < pairs->begin[i + 1]; l++) {
            const clr_tsne_pair *e = &pairs->entry[l];
            double dx = (double)y[i] - y[e->j], dy = (double)y[stride + i] - y[stride + e->j];
            if (e->p > 0)
                sum += e->p * (log(e->p) + log(1 + dx * dx + dy * dy) + log(z));
        }
    return sum;
}

typedef struct descent {
    clr_tsne_pairs pairs;
    float *y, *work;
    double *gradient, *velocity, *gain;
    int64_t stride;
} descent;

/* One step. rate: of learning. */
static void step(descent *d, double exaggeration, double momentum, double rate)
{
    int64_t rows = d->pairs.rows;
    double mean[2] = {0};

    clr_tsne_gradient(&d->pairs, d->y, d->stride, exaggeration, d->work, d->gradient);
    for (int64_t i = 0; i < 2 * rows; i++) {
        float *y = &d->y[(i & 1) * d->stride + i / 2];
        bool same = d->gradient[i] * d->velocity[i] > 0; /* it still goes uphill */
        d->gain[i] = same ? fmax(0.01, 0.8 * d->gain[i]) : d->gain[i] + 0.2;
        d->velocity[i] = momentum * d->velocity[i] - rate * d->gain[i] * d->gradient[i];
        *y += (float)d->velocity[i];
        mean[i & 1] += *y / (double)rows;
    }
    for (int64_t i = 0; i < rows; i++) {
        d->y[i] -= (float)mean[0];
        d->y[d->stride + i] -= (float)mean[1];
    }
}

/* The first two columns, so small that no pair is apart yet. */
static void begin(descent *d, const float *x, int dim)
{
    int64_t rows = d->pairs.rows;
    double square = 0;

    for (int64_t i = 0; i < rows; i++)
        square += (double)x[i * dim] * x[i * dim];
    double scale = square > 0 ? 1e-4 / sqrt(square / (double)rows) : 0;
    for (int64_t i = 0; i < d->stride; i++) {
        d->y[i] = i < rows ? (float)(scale * x[i * dim]) : 1e15f;
        d->y[d->stride + i] = i >= rows ? 1e15f : dim > 1 ? (float)(scale * x[i * dim + 1]) : (float)i * 1e-9f;
    }
    for (int64_t i = 0; i < 2 * rows; i++)
        d->gain[i] = 1;
}

clr_status clr_tsne(const float *x, int64_t rows, int dim, const clr_tsne_config *config, float *out,
                    double *divergence)
{
    int64_t early = config->iterations / 3;
    double rate = fmax(50, (double)rows / (4 * EARLY)), need = (double)rows * (config->perplexity * 60 + 200);
    descent d = {.stride = (rows + CLR_TSNE_PAD - 1) / CLR_TSNE_PAD * CLR_TSNE_PAD};

    CLR_CHECK(rows >= 4);
    if (need > 0.8 * (double)clr_memory_available())
        return clr_fail(CLR_EMEMORY, "a map of %lld rows needs %.1f GB", (long long)rows, need * 1e-9);
    clr_tsne_pairs_of(x, rows, dim, config->perplexity, &d.pairs);
    d.y = CLR_NEW(float, 2 * d.stride);
    d.work = CLR_NEW(float, 3 * d.stride);
    d.gradient = CLR_NEW(double, 2 * rows);
    d.velocity = CLR_NEW(double, 2 * rows);
    d.gain = CLR_NEW(double, 2 * rows);
    begin(&d, x, dim);
    for (int64_t i = 0; i < config->iterations; i++) {
        step(&d, i < early ? EARLY : 1, i < early ? 0.5 : 0.8, rate);
        clr_alive();
    }
    double z = clr_tsne_gradient(&d.pairs, d.y, d.stride, 1, d.work, d.gradient);
    *divergence = divergence_of(&d.pairs, d.y, d.stride, z);
    for (int64_t i = 0; i < rows; i++) {
        out[2 * i] = d.y[i];
        out[2 * i + 1] = d.y[d.stride + i];
    }
    clr_tsne_pairs_free(&d.pairs);
    clr_free(d.y);
    clr_free(d.work);
    clr_free(d.gradient);
    clr_free(d.velocity);
    clr_free(d.gain);
    return CLR_OK;
}
