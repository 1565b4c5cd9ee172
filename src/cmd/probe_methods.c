/* SPDX-License-Identifier: BSD-3-Clause */
/* The classifiers of a probe by their names. */
#include "probe.h"

#include <string.h>

static const char *const method_names[CLR_PROBE_METHODS] = {"linear-sgd", "knn", "linear-lbfgs", "linear-paper"};

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
                "--method=%s: must be linear-sgd, knn, linear-lbfgs, linear-paper or all (linear-sgd and knn), or "
                "several such as knn,linear-lbfgs",
                text);
    }
    return st;
}

bool clr_probe_wants(const clr_probe_config *c, clr_probe_method m)
{
    return c->wants[m];
}
