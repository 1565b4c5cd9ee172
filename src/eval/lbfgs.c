/* SPDX-License-Identifier: BSD-3-Clause */
/* Softmax regression by L-BFGS (libLBFGS; Liu and Nocedal 1989), the l2 strength chosen on a validation split. */
#include "evaluation.h"
#include "precondition.h"
#include "regression.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/watchdog.h"

#include <math.h>
#include <string.h>

/* Relative decreases of the loss at which a fit ends. Weights for a strength that is only compared need not be as exact
   as those that are kept. */
static const double TO_CHOOSE = 1e-4, TO_KEEP = 1e-8;

/* A fit at work. */
typedef struct fit {
    clr_regression r;
    clr_precondition c;
    double *v; /* (dim + 1, classes): the variables that are looked at */
} fit;

static int64_t cells_of(const fit *f)
{
    return (int64_t)(f->r.linear.dim + 1) * f->r.linear.classes;
}

#ifdef HAVE_LBFGS
#include <lbfgs.h>

static lbfgsfloatval_t evaluate(void *instance, const lbfgsfloatval_t *u, lbfgsfloatval_t *gradient, const int n,
                                const lbfgsfloatval_t step)
{
    fit *f = instance;

    (void)step;
    memcpy(f->v, u, (size_t)n * sizeof *u);
    clr_precondition_to_v(&f->c, f->v);
    double value = clr_regression_value(&f->r, f->v, gradient);
    clr_precondition_gradient(&f->c, gradient);
    return value;
}

/* Moves v to the minimum, which is found when three iterations have decreased the value by less than this share of
   it. An error of the line search is no failure: near the minimum, fp32 noise hides any further decrease. */
static clr_status minimise(fit *f, double *v, int64_t iterations, double decrease, double *value)
{
    lbfgs_parameter_t parameter;
    int n = (int)cells_of(f);

    lbfgs_parameter_init(&parameter);
    parameter.m = 10;
    parameter.epsilon = 1e-6;
    parameter.past = 3;
    parameter.delta = decrease;
    parameter.max_iterations = (int)iterations;
    parameter.max_linesearch = 6;
    clr_precondition_set(&f->r, &f->c);
    clr_precondition_to_u(&f->c, v);
    int status = lbfgs(n, v, value, evaluate, NULL, f, &parameter);
    clr_precondition_to_v(&f->c, v);
    if (status == LBFGSERR_OUTOFMEMORY)
        return clr_fail(CLR_EMEMORY, "libLBFGS is out of memory for %d variables", n);
    if (status < 0) { /* v is the best point, value the last one that was tried */
        double *gradient = CLR_NEW(double, n);
        *value = clr_regression_value(&f->r, v, gradient);
        clr_free(gradient);
    }
    return isfinite(*value) ? CLR_OK : clr_fail(CLR_ENUMERIC, "the logistic regression has no finite loss");
}
#else
static clr_status minimise(fit *f, double *v, int64_t iterations, double decrease, double *value)
{
    (void)f, (void)v, (void)iterations, (void)decrease, (void)value;
    return clr_fail(CLR_EUSAGE, "--method=linear-lbfgs: this simclr was built without libLBFGS (liblbfgs-dev)");
}
#endif

/* Tries the penalties from the strongest to the weakest. Each fit starts at the minimum of the one before.
   best: V of the best one. */
static clr_status choose(fit *f, const int64_t *order, int64_t trained, const clr_lbfgs_config *config, double *best,
                         clr_lbfgs_result *result)
{
    int64_t n = config->strengths, all = f->r.features->rows;
    double *v = CLR_NEW(double, cells_of(f)), value;
    clr_status st = CLR_OK;

    result->validation = -1;
    for (int64_t i = 0; i < n && st == CLR_OK; i++) {
        f->r.l2 = n > 1 ? config->most * pow(config->least / config->most, (double)i / (double)(n - 1)) : config->most;
        f->r.rows = order, f->r.n = trained;
        st = minimise(f, v, config->iterations, TO_CHOOSE, &value);
        if (st != CLR_OK)
            break;
        f->r.rows = order + trained, f->r.n = all - trained;
        double right = f->r.n ? clr_regression_accuracy(&f->r, v) : 0;
        if (right > result->validation) {
            result->validation = right;
            result->l2 = f->r.l2;
            memcpy(best, v, (size_t)cells_of(f) * sizeof *best);
        }
    }
    clr_free(v);
    return st;
}

clr_status clr_lbfgs_probe(clr_comm *comm, const clr_features *train, const clr_features *test,
                           const clr_lbfgs_config *config, clr_lbfgs_result *result)
{
    fit f;
    int64_t trained;
    clr_status st = clr_features_check(train, test);

    *result = (clr_lbfgs_result){.l2 = NAN};
    if (st != CLR_OK)
        return st;
    if (config->strengths < 1 || !(config->least > 0) || !(config->most >= config->least))
        return clr_fail(CLR_EUSAGE,
                        "logistic regression needs l2 strengths above 0, the least first, not %lld from %g to %g",
                        (long long)config->strengths, config->least, config->most);
    clr_watch_phase("fitting a logistic regression", 0);
    clr_regression_open(comm, train, &f.r);
    int64_t *order = clr_validation_split(train, config->seed, &trained);
    double *v = CLR_NEW(double, cells_of(&f));
    f.v = CLR_NEW(double, cells_of(&f));
    f.r.rows = order, f.r.n = train->rows;
    clr_precondition_open(&f.r, &f.c);
    st = choose(&f, order, trained, config, v, result);
    if (st == CLR_OK) {
        f.r.rows = order, f.r.n = train->rows, f.r.l2 = result->l2;
        st = minimise(&f, v, config->iterations, TO_KEEP, &result->loss);
    }
    if (st == CLR_OK) {
        for (int64_t i = 0; i < cells_of(&f); i++)
            f.r.linear.weight[i] = (float)v[i];
        clr_linear_judge(comm, &f.r.linear, test, &result->test);
    }
    clr_free(v);
    clr_free(f.v);
    clr_free(order);
    clr_precondition_free(&f.c);
    clr_regression_free(&f.r);
    return st;
}
