/* SPDX-License-Identifier: BSD-3-Clause */
/* Softmax regression by L-BFGS (libLBFGS; Liu and Nocedal 1989), the l2 strength chosen on a validation split. */
#include "evaluation.h"
#include "regression.h"

#include "clr/labels.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/watchdog.h"

#include <math.h>
#include <string.h>

#ifdef HAVE_LBFGS
#include <lbfgs.h>

static lbfgsfloatval_t evaluate(void *instance, const lbfgsfloatval_t *v, lbfgsfloatval_t *gradient, const int n,
                                const lbfgsfloatval_t step)
{
    (void)n, (void)step;
    return clr_regression_value(instance, v, gradient);
}

/* Moves v to the minimum. An error of the line search is no failure: near the minimum, fp32 noise hides any further
   decrease. */
static clr_status minimise(clr_regression *r, double *v, int64_t iterations, double *value)
{
    lbfgs_parameter_t parameter;
    int n = (r->linear.dim + 1) * r->linear.classes;

    lbfgs_parameter_init(&parameter);
    parameter.m = 10;
    parameter.epsilon = 1e-6;
    parameter.past = 5;
    parameter.delta = 1e-8; /* relative decrease over 5 iterations */
    parameter.max_iterations = (int)iterations;
    parameter.max_linesearch = 20;
    int status = lbfgs(n, v, value, evaluate, NULL, r, &parameter);
    if (status == LBFGSERR_OUTOFMEMORY)
        return clr_fail(CLR_EMEMORY, "libLBFGS is out of memory for %d variables", n);
    return isfinite(*value) ? CLR_OK : clr_fail(CLR_ENUMERIC, "the logistic regression has no finite loss");
}
#else
static clr_status minimise(clr_regression *r, double *v, int64_t iterations, double *value)
{
    (void)r, (void)v, (void)iterations, (void)value;
    return clr_fail(CLR_EUSAGE, "--method=linear-lbfgs: this simclr was built without libLBFGS (liblbfgs-dev)");
}
#endif

/* Rows in an order in which the first `trained` are for training and the others, a tenth of each class (none of classes
   with fewer than 2 rows), for validation. */
static int64_t *split(const clr_features *train, uint64_t seed, int64_t *trained)
{
    int64_t n = train->rows, used = 0, kept = n, *order = CLR_NEW(int64_t, n);
    int64_t *by_class = clr_labels_order(train->labels, n, seed);

    for (int64_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && train->labels[by_class[to]] == train->labels[by_class[from]];)
            to++;
        int64_t held = to - from < 2 ? 0 : (to - from + 9) / 10;
        for (int64_t i = from; i < to; i++)
            order[i < from + held ? --kept : used++] = by_class[i];
    }
    clr_free(by_class);
    *trained = used;
    return order;
}

/* Tries the penalties from the strongest to the weakest. Each fit starts at the minimum of the one before.
   best: V of the best one. */
static clr_status choose(clr_regression *r, const int64_t *order, int64_t trained, const clr_lbfgs_config *config,
                         double *best, clr_lbfgs_result *result)
{
    int64_t cells = (int64_t)(r->linear.dim + 1) * r->linear.classes, n = config->strengths, all = r->features->rows;
    double *v = CLR_NEW(double, cells), value;
    clr_status st = CLR_OK;

    result->validation = -1;
    for (int64_t i = 0; i < n && st == CLR_OK; i++) {
        r->l2 = n > 1 ? config->most * pow(config->least / config->most, (double)i / (double)(n - 1)) : config->most;
        r->rows = order, r->n = trained;
        st = minimise(r, v, config->iterations, &value);
        if (st != CLR_OK)
            break;
        r->rows = order + trained, r->n = all - trained;
        double right = r->n ? clr_regression_accuracy(r, v) : 0;
        if (right > result->validation) {
            result->validation = right;
            result->l2 = r->l2;
            memcpy(best, v, (size_t)cells * sizeof *best);
        }
    }
    clr_free(v);
    return st;
}

clr_status clr_lbfgs_probe(clr_comm *comm, const clr_features *train, const clr_features *test,
                           const clr_lbfgs_config *config, clr_lbfgs_result *result)
{
    clr_regression r;
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
    clr_regression_open(comm, train, &r);
    int64_t *order = split(train, config->seed, &trained);
    double *v = CLR_NEW(double, (int64_t)(train->dim + 1) * train->classes);
    st = choose(&r, order, trained, config, v, result);
    if (st == CLR_OK) {
        r.rows = order, r.n = train->rows, r.l2 = result->l2;
        st = minimise(&r, v, config->iterations, &result->loss);
    }
    if (st == CLR_OK) {
        for (int64_t i = 0; i < (int64_t)(train->dim + 1) * train->classes; i++)
            r.linear.weight[i] = (float)v[i];
        clr_linear_judge(comm, &r.linear, test, &result->test);
    }
    clr_free(v);
    clr_free(order);
    clr_regression_free(&r);
    return st;
}
