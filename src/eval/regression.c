/* SPDX-License-Identifier: BSD-3-Clause */
/* Softmax regression over all rows: value and gradient in one pass, which reads each row from memory once.

   Ranks share the rows, threads a rank's rows, in blocks that stay in cache. Products are fp32, sums over blocks
   double, added up in the order of threads and ranks. Rank 0's result is every rank's. */
#include "evaluation.h"
#include "regression.h"

#include "clr/gemm.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum {
    BLOCK = 64, /* rows that stay in cache */
    GROUP = 8   /* blocks whose gradients are summed in fp32 */
};

static int64_t cells_of(const clr_regression *r)
{
    return (int64_t)(r->linear.dim + 1) * r->linear.classes;
}

void clr_regression_open(clr_comm *comm, const clr_features *features, clr_regression *r)
{
    int dim = features->dim, classes = features->classes, threads = omp_get_max_threads();
    int64_t cells = (int64_t)(dim + 1) * classes;

    *r = (clr_regression){.comm = comm,
                          .features = features,
                          .linear = {dim, classes, CLR_NEW(float, cells), CLR_NEW(float, dim), CLR_NEW(float, dim)},
                          .threads = threads};
    clr_linear_standardise(features, &r->linear);
    r->x = CLR_NEW(float, (int64_t)threads *BLOCK *(dim + 1));
    r->p = CLR_NEW(float, (int64_t)threads *BLOCK *classes);
    r->panels = CLR_NEW(float, clr_panel_current()->floats(dim + 1, classes));
    r->p_panels = CLR_NEW(float, threads *clr_panel_current()->floats(BLOCK, classes));
    r->part = CLR_NEW(float, threads *cells);
    r->sums = CLR_NEW(double, threads *(cells + 1));
}

void clr_regression_free(clr_regression *r)
{
    clr_linear_free(&r->linear);
    clr_free(r->x);
    clr_free(r->p);
    clr_free(r->panels);
    clr_free(r->p_panels);
    clr_free(r->part);
    clr_free(r->sums);
}

/* The logits of rows at .. at + n of this thread, in p. */
static void logits(const clr_regression *r, int64_t at, int64_t n, float *x, float *p)
{
    int64_t dim = r->linear.dim + 1, classes = r->linear.classes;

    for (int64_t i = 0; i < n; i++)
        clr_linear_standardise_row(&r->linear, r->features->h + r->rows[at + i] * r->linear.dim, x + i * dim);
    clr_panel_current()->multiply((int)n, (int)classes, (int)dim, x, dim, 1, r->panels, false, p, classes, NULL);
}

/* Logits -> softmax - one-hot; returns the loss. */
static double residual(float *p, int classes, int label)
{
    float most = p[0], own = p[label];
    double sum = 0;

    for (int k = 1; k < classes; k++)
        most = p[k] > most ? p[k] : most;
    for (int k = 0; k < classes; k++)
        sum += p[k] = expf(p[k] - most);
    for (int k = 0; k < classes; k++)
        p[k] = (float)(p[k] / sum);
    p[label] -= 1;
    return log(fmax(sum, 1)) - ((double)own - most); /* the largest term is 1 */
}

static void set_weight(clr_regression *r, const double *v)
{
    for (int64_t i = 0; i < cells_of(r); i++)
        r->linear.weight[i] = (float)v[i];
    clr_panel_current()->pack(false, r->linear.dim + 1, r->linear.classes, 1, r->linear.weight, r->linear.classes,
                              r->panels);
}

/* This thread's part of the sums. */
static void accumulate(clr_regression *r, int64_t from, int64_t to)
{
    int64_t dim = r->linear.dim + 1, classes = r->linear.classes, cells = cells_of(r), thread = omp_get_thread_num();
    float *x = r->x + thread * BLOCK * dim, *p = r->p + thread * BLOCK * classes, *part = r->part + thread * cells;
    double *sums = r->sums + thread * (cells + 1);
    const clr_panel_op *op = clr_panel_current();
    float *panels = r->p_panels + thread * op->floats(BLOCK, (int)classes);
    int blocks = 0;

    memset(sums, 0, (size_t)(cells + 1) * sizeof *sums);
    for (int64_t at = from; at < to; at += BLOCK) {
        int64_t n = clr_min64(BLOCK, to - at);
        logits(r, at, n, x, p);
        for (int64_t i = 0; i < n; i++)
            sums[cells] += residual(p + i * classes, (int)classes, r->features->labels[r->rows[at + i]]);
        op->pack(false, (int)n, (int)classes, 1, p, classes, panels);
        op->multiply((int)dim, (int)classes, (int)n, x, 1, dim, panels, blocks > 0, part, classes, NULL);
        if (++blocks < GROUP && at + BLOCK < to)
            continue;
        for (int64_t i = 0; i < cells; i++)
            sums[i] += part[i];
        blocks = 0;
    }
}

double clr_regression_value(clr_regression *r, const double *v, double *gradient)
{
    int64_t classes = r->linear.classes, cells = cells_of(r);
    int ranks = clr_comm_size(r->comm), rank = clr_comm_rank(r->comm);
    int64_t from = clr_share(r->n, ranks, rank), to = clr_share(r->n, ranks, rank + 1);
    double *total = r->sums;

    set_weight(r, v);
    clr_alive();
#pragma omp parallel num_threads(r->threads)
    accumulate(r, from + clr_share(to - from, r->threads, omp_get_thread_num()),
               from + clr_share(to - from, r->threads, omp_get_thread_num() + 1));
    for (int t = 1; t < r->threads; t++)
        for (int64_t i = 0; i <= cells; i++)
            total[i] += r->sums[t * (cells + 1) + i];
    clr_comm_allreduce_sum_double(r->comm, total, cells + 1);
    for (int64_t i = 0; i < cells; i++) {
        double inverse = i / classes < r->linear.dim ? r->linear.inverse[i / classes] : 0,
               own = r->l2 * inverse * inverse;
        total[cells] += own / 2 * v[i] * v[i];
        gradient[i] = (total[i] + own * v[i]) / (double)r->n;
    }
    double value = total[cells] / (double)r->n;
    clr_comm_broadcast(r->comm, &value, sizeof value, 0);
    clr_comm_broadcast(r->comm, gradient, cells * (int64_t)sizeof *gradient, 0);
    return value;
}

double clr_regression_accuracy(clr_regression *r, const double *v)
{
    int64_t dim = r->linear.dim + 1, classes = r->linear.classes, right = 0;
    int ranks = clr_comm_size(r->comm), rank = clr_comm_rank(r->comm);
    int64_t from = clr_share(r->n, ranks, rank), to = clr_share(r->n, ranks, rank + 1);

    set_weight(r, v);
#pragma omp parallel num_threads(r->threads) reduction(+ : right)
    {
        int64_t thread = omp_get_thread_num();
        float *x = r->x + thread * BLOCK * dim, *p = r->p + thread * BLOCK * classes;
#pragma omp for schedule(static)
        for (int64_t at = from; at < to; at += BLOCK) {
            int64_t n = clr_min64(BLOCK, to - at);
            logits(r, at, n, x, p);
            for (int64_t i = 0; i < n; i++)
                right += clr_rank_of(p + i * classes, (int)classes, r->features->labels[r->rows[at + i]]) == 0;
        }
    }
    clr_comm_allreduce_sum_int(r->comm, &right, 1);
    return 100 * (double)right / (double)r->n;
}
