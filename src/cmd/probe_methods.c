/* SPDX-License-Identifier: BSD-3-Clause */
/* The classifiers of a probe: by their names, and applied. */
#include "probe.h"

#include <stdio.h>
#include <string.h>

static const char *const method_names[CLR_PROBE_METHODS] = {"linear-sgd", "knn", "linear-lbfgs", "linear-paper", "mlp"};

const char *clr_probe_name_of(clr_probe_method m)
{
    return method_names[m];
}

clr_status clr_probe_parse_methods(const char *text, void *field)
{
    bool *wants = field;
    clr_status st = CLR_OK;

    memset(wants, 0, CLR_PROBE_METHODS * sizeof *wants);
    for (const char *at = text; at && st == CLR_OK; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t n = strcspn(at, ",");
        bool all = n == 3 && !strncmp(at, "all", n), known = all;
        for (int m = 0; m < CLR_PROBE_METHODS; m++) {
            bool this = strlen(method_names[m]) == n && !strncmp(at, method_names[m], n);
            wants[m] = wants[m] || this || (all && m <= CLR_PROBE_KNN);
            known = known || this;
        }
        if (!known)
            st = clr_fail(
                CLR_EUSAGE,
                "--method=%s: must be linear-sgd, knn, linear-lbfgs, linear-paper, mlp or all (linear-sgd and knn), or "
                "several such as knn,linear-lbfgs",
                text);
    }
    return st;
}

bool clr_probe_wants(const clr_probe_config *c, clr_probe_method m)
{
    return c->wants[m];
}

const char *clr_probe_title(const clr_probe *p, clr_probe_method m, char *text)
{
    const char *what = p->transformation.name;

    snprintf(text, CLR_PROBE_TITLE, "%s%s%s", what ? what : "", what ? ":" : "", clr_probe_name_of(m));
    return text;
}

clr_status clr_probe_apply(clr_probe *p, clr_probe_method m, int which, const clr_features *train, clr_features *test,
                           clr_evaluation *result)
{
    const clr_probe_config *c = p->config;
    clr_linear_config linear = m == CLR_PROBE_PAPER ? clr_linear_paper(train->rows, c->linear.seed) : c->linear;
    clr_lbfgs_config lbfgs = c->lbfgs;
    clr_mlp_config mlp = c->mlp;
    clr_linear_result fitted;
    clr_status st = CLR_OK;

    lbfgs.seed = mlp.seed = c->linear.seed;
    mlp.epochs = c->linear.epochs;
    mlp.batch = c->linear.batch;
    mlp.hidden = mlp.hidden ? mlp.hidden : p->dim; /* pixels get the same: many more of them would take hours */
    test->predicted = which ? NULL : p->predicted[m];
    switch (m) {
    case CLR_PROBE_LINEAR:
    case CLR_PROBE_PAPER:
        st = clr_linear_probe(p->comm, train, test, &linear, &fitted);
        *result = fitted.test;
        if (m == CLR_PROBE_LINEAR)
            p->linear[which] = fitted;
        break;
    case CLR_PROBE_KNN:
        st = clr_knn(p->comm, train, test, p->knn, p->knns, p->voted[which]);
        *result = p->voted[which][0];
        break;
    case CLR_PROBE_LBFGS:
        st = clr_lbfgs_probe(p->comm, train, test, &lbfgs, &p->lbfgs[which]);
        *result = p->lbfgs[which].test;
        break;
    case CLR_PROBE_MLP: st = clr_mlp_probe(p->comm, train, test, &mlp, result); break;
    case CLR_PROBE_METHODS: break;
    }
    return st;
}
