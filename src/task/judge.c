/* SPDX-License-Identifier: BSD-3-Clause */
/* Accuracy of a classifier under training on its test images: ranks share them, and each keeps one batch at a time. */
#include "finetuning.h"

#include "clr/features.h"
#include "clr/gemm.h"
#include "clr/evaluate.h"
#include "clr/h5.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/predictions.h"
#include "clr/watchdog.h"

#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <string.h>

enum { ROUND = 16 }; /* batches after which ranks wait for each other */

struct clr_judge {
    int64_t first, rows;           /* this rank's test images */
    int batch;                     /* images at a time */
    int64_t pixels, scratch_count; /* floats of an image; of a thread's scratch */
    int64_t bytes;                 /* of the largest batch as it is stored */
    int64_t *ids, *predicted;      /* of a batch; (test images): the class chosen, the same on all ranks */
    clr_image *image;
    void *stored;
    float *x, *z, *logits, *scratch;
};

/* Sizes of the buffers and this rank's share of the images. */
static clr_judge plan(const clr_finetuning *f)
{
    const clr_store_info *info = clr_store_info_of(f->test);
    int ranks = clr_comm_size(f->task.comm), rank = clr_comm_rank(f->task.comm), size = f->config->encoder.size;
    clr_judge j = {.first = clr_share(info->images, ranks, rank), .pixels = (int64_t)size * size * f->channels};

    j.rows = clr_share(info->images, ranks, rank + 1) - j.first;
    j.batch = (int)clr_min64(f->split.most, CLR_FEATURES_BATCH);
    j.scratch_count =
        ((int64_t)clr_augment_floats(info->max_pixels, info->max_width, f->channels, size) + 15) / 16 * 16;
    for (int64_t at = 0; at < j.rows; at += j.batch) {
        int64_t ids[CLR_FEATURES_BATCH];
        int n = (int)clr_min64(j.batch, j.rows - at);
        for (int i = 0; i < n; i++)
            ids[i] = j.first + at + i;
        j.bytes = clr_max64(j.bytes, clr_store_bytes(f->test, ids, n));
    }
    return j;
}

int64_t clr_judge_bytes(const clr_finetuning *f, int dim)
{
    const clr_judge j = plan(f);

    return j.bytes + clr_store_info_of(f->test)->images * (int64_t)sizeof(int64_t) +
           (j.batch * (j.pixels + dim + f->classes) + omp_get_max_threads() * j.scratch_count) * (int64_t)sizeof(float);
}

clr_judge *clr_judge_new(const clr_finetuning *f)
{
    clr_judge *j = CLR_NEW(clr_judge, 1);

    *j = plan(f);
    j->ids = CLR_NEW(int64_t, j->batch);
    j->predicted = CLR_NEW(int64_t, clr_store_info_of(f->test)->images);
    j->image = CLR_NEW(clr_image, j->batch);
    j->stored = clr_alloc((size_t)j->bytes + 1, 1);
    j->x = CLR_NEW(float, j->batch * j->pixels);
    j->z = CLR_NEW(float, (int64_t)j->batch *clr_encoder_outputs(f->encoder));
    j->logits = CLR_NEW(float, (int64_t)j->batch * f->classes);
    j->scratch = CLR_NEW(float, omp_get_max_threads() * j->scratch_count);
    return j;
}

void clr_judge_free(clr_judge *j)
{
    if (!j)
        return;
    clr_free(j->predicted);
    clr_free(j->ids);
    clr_free(j->image);
    clr_free(j->stored);
    clr_free(j->x);
    clr_free(j->z);
    clr_free(j->logits);
    clr_free(j->scratch);
    clr_free(j);
}

/* One row of logits: its loss, NaN where they are not finite, and how many classes have a larger logit than the label,
   or the same one and a lower number. */
static double judge_row(const float *logit, int classes, int label, int *before)
{
    double most = logit[0], sum = 0;

    *before = clr_rank_of(logit, classes, label);
    for (int k = 0; k < classes; k++)
        most = fmax(most, logit[k]);
    for (int k = 0; k < classes; k++)
        sum += exp(logit[k] - most);
    return sum > 0 ? log(sum) - (logit[label] - most) : NAN;
}

/* Local. Reads, encodes and classifies this rank's test images at .. at + n; adds to sums: loss, first, among five. */
static clr_status judge_batch(clr_finetuning *f, int64_t at, int n, double sums[3])
{
    clr_judge *j = f->judge;
    const float *weight = clr_params_value(&f->params, f->weight), *bias = clr_params_value(&f->params, f->weight + 1);
    int dim = clr_encoder_outputs(f->encoder), classes = f->classes, tries = 0, before;
    clr_status st;

    for (int i = 0; i < n; i++)
        j->ids[i] = j->first + at + i;
    do
        st = clr_store_read(f->test, j->ids, n, f->channels, j->stored, j->image);
    while (clr_h5_again(st, &tries));
    if (st != CLR_OK)
        return st;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        clr_augment_evaluate(&j->image[i], f->config->encoder.size,
                             j->scratch + omp_get_thread_num() * j->scratch_count, j->x + i * j->pixels);
    clr_alive();
    clr_encoder_infer(f->encoder, j->x, n, NULL, j->z);
    for (int i = 0; i < n; i++)
        memcpy(j->logits + i * classes, bias, (size_t)classes * sizeof *bias);
    clr_gemm(false, false, n, classes, dim, 1, j->z, dim, weight, classes, 1, j->logits, classes);
    for (int i = 0; i < n; i++) {
        double loss = judge_row(j->logits + i * classes, classes, f->test_labels[j->ids[i]], &before);
        if (!isfinite(loss))
            return clr_fail(CLR_ENUMERIC, "%s: the logits of image %" PRId64 " are not finite", f->config->test,
                            j->ids[i]);
        sums[0] += loss;
        sums[1] += before < 1;
        sums[2] += before < 5;
        j->predicted[j->ids[i]] = clr_best_of(j->logits + i * classes, classes);
    }
    return CLR_OK;
}

void clr_judge_tables(clr_finetuning *f)
{
    static const char *const method[] = {"finetune"};
    const clr_store_info *info = clr_store_info_of(f->store);
    const int64_t *predicted[] = {f->judge->predicted};
    const clr_predictions all = {
        clr_store_info_of(f->test)->images, f->classes, info->class_names, f->test_labels, 1, method, predicted};
    const char *folder = f->config->run.run_dir;
    char *path[] = {clr_text("%s/predictions.tsv", folder), clr_text("%s/confusion.tsv", folder)};

    f->mean_class = clr_mean_class_accuracy(&all, 0);
    if (clr_predictions_write(path[0], true, f->test, &all) != CLR_OK ||
        clr_confusion_write(path[1], &all, 0) != CLR_OK)
        clr_warn("%s; what the test images were taken for is not kept", clr_message());
    clr_free(path[0]);
    clr_free(path[1]);
}

clr_status clr_finetuning_judge(clr_finetuning *f)
{
    clr_comm *comm = f->task.comm;
    const clr_judge *j = f->judge;
    int64_t images = clr_store_info_of(f->test)->images, ranks = clr_comm_size(comm),
            most = (images + ranks - 1) / ranks;
    double sums[3] = {0};
    clr_status st = CLR_OK;

    memset(j->predicted, 0, (size_t)images * sizeof *j->predicted);
    for (int64_t round = 0; round < most; round += ROUND * j->batch) {
        clr_watch_phase("the test images", -1);
        for (int64_t at = round; st == CLR_OK && at < clr_min64(round + ROUND * j->batch, j->rows); at += j->batch)
            st = judge_batch(f, at, (int)clr_min64(j->batch, j->rows - at), sums);
        st = clr_comm_agree(comm, st);
        if (st != CLR_OK)
            return st;
    }
    clr_comm_allreduce_sum_double(comm, sums, 3);
    clr_comm_allreduce_sum_int(comm, j->predicted, images);
    f->row.test_loss = sums[0] / (double)images;
    f->row.test_top1 = 100 * sums[1] / (double)images;
    f->row.test_top5 = f->classes > 5 ? 100 * sums[2] / (double)images : NAN;
    return CLR_OK;
}
