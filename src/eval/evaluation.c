/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts that all classifiers share: the check of their data, and accuracies from ranks of scores. */
#include "evaluation.h"

#include "clr/labels.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { JUDGED = 256 }; /* test rows at a time */

clr_status clr_features_check(const clr_features *train, const clr_features *test)
{
    if (!train->labels || !test->labels)
        return clr_fail(CLR_EINPUT, "%s data has no labels; an evaluation needs them",
                        train->labels ? "the test" : "the training");
    if (train->classes < 2)
        return clr_fail(CLR_EINPUT, "the training data has %d class; an evaluation needs two at least", train->classes);
    if (train->classes != test->classes || train->dim != test->dim)
        return clr_fail(CLR_EINPUT, "training and test data do not go together: %d and %d classes, %d and %d features",
                        train->classes, test->classes, train->dim, test->dim);
    if (train->rows < 1 || test->rows < 1)
        return clr_fail(CLR_EINPUT, "the %s data is empty", train->rows < 1 ? "training" : "test");
    return CLR_OK;
}

int clr_rank_of(const float *scores, int classes, int label)
{
    int before = 0;

    for (int k = 0; k < classes; k++)
        before += scores[k] > scores[label] || (scores[k] == scores[label] && k < label);
    return before;
}

int clr_best_of(const float *scores, int classes)
{
    int best = 0;

    for (int k = 1; k < classes; k++)
        best = scores[k] > scores[best] ? k : best;
    return best;
}

void clr_predictions_begin(const clr_features *test)
{
    if (test->predicted)
        memset(test->predicted, 0, (size_t)test->rows * sizeof *test->predicted);
}

void clr_predictions_share(clr_comm *comm, const clr_features *test)
{
    if (test->predicted)
        clr_comm_allreduce_sum_int(comm, test->predicted, test->rows);
}

clr_evaluation clr_evaluation_of(clr_comm *comm, int64_t hits[2], int64_t rows, int classes)
{
    clr_comm_allreduce_sum_int(comm, hits, 2);
    return (clr_evaluation){100.0 * (double)hits[0] / (double)rows,
                            classes > 5 ? 100.0 * (double)hits[1] / (double)rows : NAN};
}

void clr_judge(clr_comm *comm, const clr_judgement *j, const clr_features *test, clr_evaluation *result)
{
    int64_t classes = test->classes, first = 0, second = 0;
    int64_t from = clr_share(test->rows, clr_comm_size(comm), clr_comm_rank(comm));
    int64_t to = clr_share(test->rows, clr_comm_size(comm), clr_comm_rank(comm) + 1);

    clr_predictions_begin(test);
#pragma omp parallel reduction(+ : first, second)
    {
        float *space = CLR_NEW(float, JUDGED * j->space), *scores = CLR_NEW(float, JUDGED *classes);
#pragma omp for schedule(static)
        for (int64_t at = from; at < to; at += JUDGED) {
            int64_t n = clr_min64(JUDGED, to - at);
            clr_alive();
            j->score(j->model, test->h + at * test->dim, n, space, scores);
            for (int64_t i = 0; i < n; i++) {
                const float *row = scores + i * classes;
                int place = clr_rank_of(row, (int)classes, test->labels[at + i]);
                first += place < 1;
                second += place < 5;
                if (test->predicted)
                    test->predicted[at + i] = clr_best_of(row, (int)classes);
            }
        }
        clr_free(space);
        clr_free(scores);
    }
    clr_predictions_share(comm, test);
    *result = clr_evaluation_of(comm, (int64_t[2]){first, second}, test->rows, (int)classes);
}

const char *clr_percent(double accuracy, char text[16])
{
    snprintf(text, 16, isfinite(accuracy) ? "%.2f" : "-", accuracy);
    return text;
}

int64_t *clr_validation_split(const clr_features *train, uint64_t seed, int64_t *trained)
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
