/* SPDX-License-Identifier: BSD-3-Clause */
#include "model.h"

#include <math.h>
#include <string.h>

enum { KINDS = 6 };

/* The latest accuracy of a kind. */
static double accuracy(const clr_reported *run, const char *kind)
{
    char text[64];
    double found = NAN;

    if (!strcmp(kind, "test_top1"))
        return clr_tsv_number(&run->metrics, -1, kind);
    if (!strcmp(kind, "online_top1"))
        return 100 * clr_tsv_number(&run->metrics, -1, kind);
    for (int64_t i = 0; i < run->probes.rows; i++)
        if (!strcmp(clr_tsv_text(&run->probes, i, "method", text, sizeof text), kind) &&
            !strcmp(clr_tsv_text(&run->probes, i, "features", text, sizeof text), "h"))
            found = clr_tsv_number(&run->probes, i, "top1");
    return found;
}

void clr_report_judge(clr_report *report)
{
    static const char *const kinds[KINDS][2] = {{"linear-lbfgs", "linear-lbfgs"},
                                                {"linear-paper", "linear-paper"},
                                                {"linear-sgd", "linear-sgd"},
                                                {"knn", "knn"},
                                                {"test_top1", "test"},
                                                {"online_top1", "online probe"}};
    int best = 0, most = 0;

    for (int k = 0; k < KINDS; k++) {
        int n = 0;
        for (int r = 0; r < report->runs; r++)
            n += isfinite(accuracy(&report->run[r], kinds[k][0]));
        if (n > most)
            best = k, most = n;
    }
    report->judged = kinds[best][1];
    for (int r = 0; r < report->runs; r++)
        report->run[r].accuracy = accuracy(&report->run[r], kinds[best][0]);
}
