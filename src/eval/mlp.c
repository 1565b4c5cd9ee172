/* SPDX-License-Identifier: BSD-3-Clause */
/* A perceptron with one hidden layer. Rows of a batch are shared among threads, and then the rows of the gradients, so
   that no sum depends on their number. */
#include "mlp.h"
#include "evaluation.h"
#include "linear.h"

#include "clr/gemm.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/optim.h"
#include "clr/tensor.h"
#include "clr/watchdog.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>

enum { V, W };

static void add(clr_table *table, const char *name, int rows, int columns, double deviation)
{
    clr_entry entry = {.role = CLR_ROLE_LINEAR,
                       .r = 1,
                       .s = 1,
                       .c = rows,
                       .k = columns,
                       .count = (int64_t)rows * columns,
                       .initial = deviation};

    snprintf(entry.name, sizeof entry.name, "%s", name);
    clr_table_add(table, &entry);
}

clr_mlp clr_mlp_new(const clr_features *train, const clr_mlp_config *config)
{
    clr_mlp mlp = {.dim = train->dim, .classes = train->classes};
    clr_linear *scale = &mlp.scale;

    mlp.hidden = config->hidden ? (int)config->hidden : train->dim;
    add(&mlp.params.weights, "V", mlp.dim + 1, mlp.hidden, sqrt(2.0 / mlp.dim));
    add(&mlp.params.weights, "W", mlp.hidden + 1, mlp.classes, sqrt(1.0 / mlp.hidden));
    clr_params_open(&mlp.params);
    clr_params_init(&mlp.params, config->seed);
    for (int i = 0; i < mlp.hidden; i++)
        clr_params_value(&mlp.params, V)[(int64_t)mlp.dim * mlp.hidden + i] = 0;
    for (int k = 0; k < mlp.classes; k++)
        clr_params_value(&mlp.params, W)[(int64_t)mlp.hidden * mlp.classes + k] = 0;
    *scale = (clr_linear){.dim = mlp.dim, .mean = CLR_NEW(float, mlp.dim), .inverse = CLR_NEW(float, mlp.dim)};
    clr_linear_standardise(train, scale);
    for (int i = 0; i < mlp.dim; i++)
        scale->inverse[i] *= sqrtf((float)mlp.dim);
    return mlp;
}

void clr_mlp_free(clr_mlp *mlp)
{
    clr_params_close(&mlp->params);
    clr_linear_free(&mlp->scale);
    *mlp = (clr_mlp){0};
}

/* n rows x into hidden layers a and scores p. */
static void forward(const clr_mlp *mlp, int64_t n, const float *x, float *a, float *p)
{
    int64_t dim = mlp->dim + 1, hidden = mlp->hidden, wide = hidden + 1;

    clr_gemm(false, false, n, hidden, dim, 1, x, dim, clr_params_value(&mlp->params, V), hidden, 0, a, wide);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < hidden; j++)
            a[i * wide + j] = a[i * wide + j] > 0 ? a[i * wide + j] : 0;
        a[i * wide + hidden] = 1;
    }
    clr_gemm(false, false, n, mlp->classes, wide, 1, a, wide, clr_params_value(&mlp->params, W), mlp->classes, 0, p,
             mlp->classes);
}

clr_mlp_work clr_mlp_work_of(clr_mlp *mlp, const clr_features *train, int64_t rows)
{
    return (clr_mlp_work){.mlp = mlp,
                          .train = train,
                          .x = CLR_NEW(float, rows *(mlp->dim + 1)),
                          .a = CLR_NEW(float, rows *(mlp->hidden + 1)),
                          .p = CLR_NEW(float, rows * mlp->classes),
                          .d = CLR_NEW(float, rows * mlp->hidden)};
}

void clr_mlp_work_free(clr_mlp_work *work)
{
    clr_free(work->x);
    clr_free(work->a);
    clr_free(work->p);
    clr_free(work->d);
}

void clr_mlp_differentiate(void *data, const int *order, int64_t n, int64_t all)
{
    clr_mlp_work *w = data;
    clr_mlp *mlp = w->mlp;
    int64_t dim = mlp->dim + 1, hidden = mlp->hidden, wide = hidden + 1, classes = mlp->classes;

#pragma omp parallel
    {
        int threads = omp_get_num_threads(), t = omp_get_thread_num();
        int64_t from = clr_share(n, threads, t), to = clr_share(n, threads, t + 1);
        for (int64_t i = from; i < to; i++)
            clr_linear_standardise_row(&mlp->scale, w->train->h + (int64_t)order[i] * mlp->dim, w->x + i * dim);
        forward(mlp, to - from, w->x + from * dim, w->a + from * wide, w->p + from * classes);
        for (int64_t i = from; i < to; i++)
            clr_softmax_residual(w->p + i * classes, (int)classes, w->train->labels[order[i]], 1 / (float)all);
        clr_gemm(false, true, to - from, hidden, classes, 1, w->p + from * classes, classes,
                 clr_params_value(&mlp->params, W), classes, 0, w->d + from * hidden, hidden);
        for (int64_t i = from; i < to; i++)
            for (int64_t j = 0; j < hidden; j++)
                w->d[i * hidden + j] = w->a[i * wide + j] > 0 ? w->d[i * hidden + j] : 0;
#pragma omp barrier
        from = clr_share(dim, threads, t), to = clr_share(dim, threads, t + 1);
        clr_gemm(true, false, to - from, hidden, n, 1, w->x + from, dim, w->d, hidden, 0,
                 clr_params_grad(&mlp->params, V) + from * hidden, hidden);
        from = clr_share(wide, threads, t), to = clr_share(wide, threads, t + 1);
        clr_gemm(true, false, to - from, classes, n, 1, w->a + from, wide, w->p, classes, 0,
                 clr_params_grad(&mlp->params, W) + from * classes, classes);
    }
}

static void update(void *data, double remaining, int64_t step)
{
    clr_mlp_work *w = data;

    clr_optim_step(w->optim, w->lr * remaining, step);
}

clr_status clr_mlp_fit(clr_comm *comm, const clr_features *train, const clr_mlp_config *config, clr_mlp *mlp)
{
    const clr_optim_config adam = {.kind = CLR_OPTIM_adamw, .momentum = 0.9};
    int64_t batch = clr_min64(config->batch, train->rows);

    clr_watch_phase("fitting a perceptron", 0);
    *mlp = clr_mlp_new(train, config);
    clr_mlp_work w = clr_mlp_work_of(mlp, train, batch);
    w.lr = config->lr;
    w.optim = clr_optim_new(&adam, &mlp->params);
    const clr_descent descent = {
        train->rows,      batch, config->epochs,        config->seed, mlp->params.weights.floats,
        mlp->params.grad, &w,    clr_mlp_differentiate, update};
    clr_status st = clr_descend(comm, &descent, NULL);
    bool finite = true;
    for (int64_t i = 0; i < mlp->params.weights.floats; i++)
        finite = finite && isfinite(mlp->params.value[i]);
    clr_optim_free(w.optim);
    clr_mlp_work_free(&w);
    return st != CLR_OK || finite
               ? st
               : clr_fail(CLR_ENUMERIC, "the perceptron diverged; try a smaller --mlp-lr than %g", config->lr);
}

/* space: x and a of so many rows. */
static void score(const void *model, const float *h, int64_t n, float *space, float *scores)
{
    const clr_mlp *mlp = model;
    int64_t dim = mlp->dim + 1;

    for (int64_t i = 0; i < n; i++)
        clr_linear_standardise_row(&mlp->scale, h + i * mlp->dim, space + i * dim);
    forward(mlp, n, space, space + n * dim, scores);
}

void clr_mlp_judge(clr_comm *comm, const clr_mlp *mlp, const clr_features *test, clr_evaluation *result)
{
    clr_judge(comm, &(clr_judgement){mlp, score, mlp->dim + mlp->hidden + 2}, test, result);
}

clr_status clr_mlp_probe(clr_comm *comm, const clr_features *train, const clr_features *test,
                         const clr_mlp_config *config, clr_evaluation *result)
{
    clr_mlp mlp = {0};
    clr_status st = clr_features_check(train, test);

    *result = (clr_evaluation){0};
    if (st == CLR_OK && (config->epochs < 1 || config->batch < 1 || config->hidden < 0))
        st = clr_fail(CLR_EUSAGE, "a perceptron needs one epoch and a batch of one image at least");
    if (st == CLR_OK)
        st = clr_mlp_fit(comm, train, config, &mlp);
    if (st == CLR_OK)
        clr_mlp_judge(comm, &mlp, test, result);
    clr_mlp_free(&mlp);
    return st;
}
