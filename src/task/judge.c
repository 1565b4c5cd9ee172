/* SPDX-License-Identifier: BSD-3-Clause */
/* Accuracy of a classifier under training on its test images. */
#include "finetuning.h"

#include "clr/features.h"
#include "clr/gemm.h"
#include "clr/mem.h"

#include <math.h>
#include <string.h>

/* One row of logits: its loss, and how many classes have a larger logit than the label, or the same one and a lower
   number. */
static double judge_row(const float *logit, int classes, int label, int *before)
{
    double most = logit[0], sum = 0;

    *before = 0;
    for (int k = 0; k < classes; k++) {
        most = fmax(most, logit[k]);
        *before += logit[k] > logit[label] || (logit[k] == logit[label] && k < label);
    }
    for (int k = 0; k < classes; k++)
        sum += exp(logit[k] - most);
    return log(fmax(sum, 1)) - (logit[label] - most);
}

clr_status clr_finetuning_judge(clr_finetuning *f)
{
    clr_comm *comm = f->task.comm;
    clr_features x = {0};
    clr_status st = clr_features_extract(comm, f->test, f->encoder, 'z', f->config->encoder.size, f->channels, &x);

    if (st != CLR_OK)
        return st;
    const float *weight = clr_params_value(&f->params, f->weight), *bias = clr_params_value(&f->params, f->weight + 1);
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm), classes = f->classes;
    int64_t from = clr_share(x.rows, ranks, rank), to = clr_share(x.rows, ranks, rank + 1);
    float *logits = CLR_NEW(float, (to - from) * classes + 1);
    double sums[3] = {0};

    for (int64_t i = 0; i < to - from; i++)
        memcpy(logits + i * classes, bias, (size_t)classes * sizeof *bias);
    clr_gemm(false, false, to - from, classes, x.dim, 1, x.h + from * x.dim, x.dim, weight, classes, 1, logits,
             classes);
    for (int64_t i = from; i < to; i++) {
        int before;
        sums[0] += judge_row(logits + (i - from) * classes, classes, f->test_labels[i], &before);
        sums[1] += before < 1;
        sums[2] += before < 5;
    }
    clr_comm_allreduce_sum_double(comm, sums, 3);
    f->row.test_loss = sums[0] / (double)x.rows;
    f->row.test_top1 = 100 * sums[1] / (double)x.rows;
    f->row.test_top5 = classes > 5 ? 100 * sums[2] / (double)x.rows : NAN;
    clr_free(logits);
    clr_features_free(&x);
    return CLR_OK;
}
