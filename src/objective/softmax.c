/* SPDX-License-Identifier: BSD-3-Clause */
/* logits = x W + b,   loss = mean over all rows of -log softmax(logits)[label],

     d = (softmax(logits) - onehot(label)) / total,   dW = x^T d,   db = sum of d,   dx = d W^T.

   Threads split the rows, then the rows of dW; sums have a fixed order, so that the same number of threads gives the
   same bits. */
#include "clr/objective.h"

#include "clr/gemm.h"
#include "clr/mem.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

typedef struct softmax {
    clr_objective objective;
    clr_params *params;
    int weight; /* entry; the bias is the next */
    int classes;
    int64_t total;
    float *d;       /* (rows, classes) */
    double *loss;   /* one a thread */
    int64_t *right; /* one a thread */
} softmax;

int64_t clr_softmax_bytes(const clr_softmax_config *config)
{
    return (int64_t)config->rows * config->classes * (int64_t)sizeof(float);
}

/* logits -> d, in place. Adds to loss; returns whether the label's logit is above all others. */
static bool row_gradient(float *d, int classes, int label, int64_t total, double *loss)
{
    float most = d[0], own = d[label];
    double sum = 0;
    bool right = true;

    for (int k = 0; k < classes; k++) {
        most = d[k] > most ? d[k] : most;
        right = right && (k == label || d[k] < own);
    }
    for (int k = 0; k < classes; k++)
        sum += d[k] = expf(d[k] - most);
    for (int k = 0; k < classes; k++)
        d[k] = (float)((d[k] / sum - (k == label)) / (double)total);
    *loss += log(sum) - (own - most);
    return right;
}

static clr_status apply(clr_objective *objective, const clr_objective_rows *rows, float *dx,
                        clr_objective_result *result)
{
    softmax *s = (softmax *)objective;
    int dim = objective->dim, classes = s->classes, n = rows->n, threads = omp_get_max_threads();
    const float *weight = clr_params_value(s->params, s->weight), *bias = clr_params_value(s->params, s->weight + 1);
    float *dw = clr_params_grad(s->params, s->weight), *db = clr_params_grad(s->params, s->weight + 1);

    *result = (clr_objective_result){0};
#pragma omp parallel num_threads(threads)
    {
        int thread = omp_get_thread_num();
        int64_t from = clr_share(n, threads, thread), to = clr_share(n, threads, thread + 1), right = 0;
        double loss = 0;
        for (int64_t i = from; i < to; i++)
            memcpy(s->d + i * classes, bias, (size_t)classes * sizeof *bias);
        clr_gemm(false, false, to - from, classes, dim, 1, rows->x + from * dim, dim, weight, classes, 1,
                 s->d + from * classes, classes);
        for (int64_t i = from; i < to; i++)
            right += row_gradient(s->d + i * classes, classes, rows->labels[i], s->total, &loss);
        s->right[thread] = right;
        s->loss[thread] = loss;
        if (dx)
            clr_gemm(false, true, to - from, dim, classes, 1, s->d + from * classes, classes, weight, classes, 0,
                     dx + from * dim, dim);
#pragma omp barrier
        from = clr_share(dim, threads, thread), to = clr_share(dim, threads, thread + 1);
        if (n)
            clr_gemm(true, false, to - from, classes, n, 1, rows->x + from, dim, s->d, classes, rows->first ? 0 : 1,
                     dw + from * classes, classes);
        else if (rows->first)
            memset(dw + from * classes, 0, (size_t)((to - from) * classes) * sizeof *dw);
    }
    for (int c = 0; c < classes; c++) {
        double sum = rows->first ? 0 : db[c];
        for (int64_t i = 0; i < n; i++)
            sum += s->d[i * classes + c];
        db[c] = (float)sum;
    }
    for (int thread = 0; thread < threads; thread++) {
        result->right += s->right[thread];
        result->loss += s->loss[thread] / (double)s->total;
    }
    return CLR_OK;
}

static void close_(clr_objective *objective)
{
    softmax *s = (softmax *)objective;

    clr_free(s->d);
    clr_free(s->loss);
    clr_free(s->right);
    clr_free(s);
}

static const clr_objective_op op = {.name = "softmax", .labels = true, .apply = apply, .close = close_};

clr_objective *clr_softmax_new(clr_params *params, const clr_softmax_config *config)
{
    softmax *s = CLR_NEW(softmax, 1);
    clr_entry weight = {.role = CLR_ROLE_LINEAR,
                        .r = 1,
                        .s = 1,
                        .c = config->dim,
                        .k = config->classes,
                        .no_decay = config->observer,
                        .no_adaptation = true,
                        .not_in_norm = config->observer,
                        .initial = 0.01};
    clr_entry bias = {.role = CLR_ROLE_VECTOR,
                      .r = 1,
                      .s = 1,
                      .c = 1,
                      .k = config->classes,
                      .no_decay = true,
                      .no_adaptation = true,
                      .not_in_norm = config->observer};

    *s = (softmax){{&op, config->dim}, params, 0, config->classes, config->total, NULL, NULL, NULL};
    snprintf(weight.name, sizeof weight.name, "%s/weight", config->name);
    snprintf(bias.name, sizeof bias.name, "%s/bias", config->name);
    s->weight = clr_table_add(&params->weights, &weight);
    clr_table_add(&params->weights, &bias);
    s->d = CLR_NEW(float, (int64_t)config->rows * config->classes);
    s->loss = CLR_NEW(double, omp_get_max_threads());
    s->right = CLR_NEW(int64_t, omp_get_max_threads());
    return &s->objective;
}
