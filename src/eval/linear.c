/* SPDX-License-Identifier: BSD-3-Clause */
/* Softmax regression. With x a standardised feature row (and a last 1 for the bias), W (D + 1, K), p = softmax(x W),
   y the label:

     loss = mean of -log p_y + weight_decay / 2 |W|^2          (the bias is not decayed)
     G = X^T (P - Y) / rows + weight_decay W
     V = momentum V + G,   W = W - lr (G + momentum V)          Nesterov's momentum as SGD has it
     lr(t) = lr / 2 (1 + cos(pi t / steps))

   Features are divided by their deviation and by sqrt(D), so that rows have a mean square of 1 whatever D is, and one
   learning rate serves pixels and features alike. Every batch's rows are shared among ranks, a rank's rows among
   threads; a gradient's rows are shared among threads too, so that no sum depends on their number. */
#include "evaluation.h"
#include "linear.h"

#include "clr/gemm.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/tensor.h"
#include "clr/watchdog.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum { WORTH = 1 << 23 }; /* products of a batch that are worth waking threads for */

typedef struct work {
    const clr_features *train;
    clr_linear *linear;
    const clr_linear_config *config;
    float *x, *p, *gradient, *velocity; /* (rows, D + 1), (rows, K), (D + 1, K) twice */
} work;

void clr_linear_standardise(const clr_features *train, clr_linear *linear)
{
    int64_t dim = train->dim;

#pragma omp parallel
    {
        int n = omp_get_num_threads(), t = omp_get_thread_num();
        int64_t from = clr_share(dim, n, t), to = clr_share(dim, n, t + 1);
        double *sum = CLR_NEW(double, 2 * (to - from)), *square = sum + (to - from);
        for (int64_t r = 0; r < train->rows; r++)
            for (int64_t i = from; i < to; i++)
                sum[i - from] += train->h[r * dim + i];
        for (int64_t i = from; i < to; i++)
            sum[i - from] /= (double)train->rows;
        for (int64_t r = 0; r < train->rows; r++)
            for (int64_t i = from; i < to; i++) {
                double d = train->h[r * dim + i] - sum[i - from];
                square[i - from] += d * d;
            }
        for (int64_t i = from; i < to; i++) {
            double deviation = sqrt(square[i - from] / (double)train->rows);
            linear->mean[i] = (float)sum[i - from];
            /* A feature that never moves says nothing. */
            linear->inverse[i] =
                deviation > 1e-6 * (fabs(sum[i - from]) + 1e-6) ? (float)(1 / (deviation * sqrt((double)dim))) : 0;
        }
        clr_free(sum);
    }
}

void clr_linear_standardise_row(const clr_linear *linear, const float *h, float *x)
{
    for (int i = 0; i < linear->dim; i++)
        x[i] = (h[i] - linear->mean[i]) * linear->inverse[i];
    x[linear->dim] = 1;
}

static void differentiate(void *data, const int *order, int64_t n, int64_t all)
{
    work *w = data;
    int64_t dim = w->linear->dim + 1, classes = w->linear->classes;

#pragma omp parallel if (n * dim * classes > WORTH)
    {
        int threads = omp_get_num_threads(), t = omp_get_thread_num();
        int64_t from = clr_share(n, threads, t), to = clr_share(n, threads, t + 1);
        for (int64_t i = from; i < to; i++)
            clr_linear_standardise_row(w->linear, w->train->h + (int64_t)order[i] * w->linear->dim, w->x + i * dim);
        clr_gemm(false, false, to - from, classes, dim, 1, w->x + from * dim, dim, w->linear->weight, classes, 0,
                 w->p + from * classes, classes);
        for (int64_t i = from; i < to; i++)
            clr_softmax_residual(w->p + i * classes, (int)classes, w->train->labels[order[i]], 1 / (float)all);
#pragma omp barrier
        from = clr_share(dim, threads, t), to = clr_share(dim, threads, t + 1);
        clr_gemm(true, false, to - from, classes, n, 1, w->x + from, dim, w->p, classes, 0,
                 w->gradient + from * classes, classes);
    }
}

static void update(void *data, double remaining, int64_t step)
{
    work *w = data;
    (void)step;
    float lr = (float)(w->config->lr * remaining);
    int64_t decayed = (int64_t)w->linear->dim * w->linear->classes, count = decayed + w->linear->classes;
    float momentum = (float)w->config->momentum, decay = (float)w->config->weight_decay, *weight = w->linear->weight;

#pragma omp parallel for schedule(static) if (count > WORTH / 16)
    for (int64_t i = 0; i < count; i++) {
        float g = w->gradient[i] + (i < decayed ? decay * weight[i] : 0);
        w->velocity[i] = momentum * w->velocity[i] + g;
        weight[i] -= lr * (g + momentum * w->velocity[i]);
    }
}

clr_status clr_linear_fit_rows(clr_comm *comm, const clr_features *train, const int64_t *of, int64_t rows,
                               const clr_linear_config *config, clr_linear *linear)
{
    int64_t batch = clr_min64(config->batch, rows), cells = (int64_t)(train->dim + 1) * train->classes;
    work w = {.train = train, .linear = linear, .config = config};
    bool finite = true;

    *linear = (clr_linear){train->dim, train->classes, CLR_NEW(float, cells), CLR_NEW(float, train->dim),
                           CLR_NEW(float, train->dim)};
    w.x = CLR_NEW(float, batch *(train->dim + 1));
    w.p = CLR_NEW(float, batch * train->classes);
    w.gradient = CLR_NEW(float, cells);
    w.velocity = CLR_NEW(float, cells);
    clr_watch_phase("fitting a linear classifier", 0);
    clr_linear_standardise(train, linear);
    for (int i = 0; i < train->dim && config->as_they_are; i++)
        linear->mean[i] = 0, linear->inverse[i] = 1;
    const clr_descent descent = {rows,       batch, config->epochs, config->seed, cells,
                                 w.gradient, &w,    differentiate,  update};
    clr_status st = clr_descend(comm, &descent, of);
    for (int64_t i = 0; i < cells; i++)
        finite = finite && isfinite(linear->weight[i]);
    clr_free(w.x);
    clr_free(w.p);
    clr_free(w.gradient);
    clr_free(w.velocity);
    return st != CLR_OK || finite
               ? st
               : clr_fail(CLR_ENUMERIC, "the linear probe diverged; try a smaller --lr than %g", config->lr);
}

clr_status clr_linear_fit(clr_comm *comm, const clr_features *train, const clr_linear_config *config,
                          clr_linear *linear)
{
    return clr_linear_fit_rows(comm, train, NULL, train->rows, config, linear);
}

void clr_linear_free(clr_linear *linear)
{
    clr_free(linear->weight);
    clr_free(linear->mean);
    clr_free(linear->inverse);
    *linear = (clr_linear){0};
}

static void score(const void *model, const float *h, int64_t n, float *x, float *scores)
{
    const clr_linear *linear = model;
    int64_t dim = linear->dim + 1;

    for (int64_t i = 0; i < n; i++)
        clr_linear_standardise_row(linear, h + i * linear->dim, x + i * dim);
    clr_gemm(false, false, n, linear->classes, dim, 1, x, dim, linear->weight, linear->classes, 0, scores,
             linear->classes);
}

void clr_linear_judge(clr_comm *comm, const clr_linear *linear, const clr_features *test, clr_evaluation *result)
{
    clr_judge(comm, &(clr_judgement){linear, score, linear->dim + 1}, test, result);
}
