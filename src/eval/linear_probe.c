/* SPDX-License-Identifier: BSD-3-Clause */
/* The linear probe: a learning rate, the classifier, its accuracy. */
#include "evaluation.h"
#include "linear.h"

#include "clr/mem.h"
#include "clr/tensor.h"

#include <math.h>
#include <string.h>

clr_linear_config clr_linear_paper(int64_t images, uint64_t seed)
{
    int64_t batch = clr_max64(1, clr_min64(4096, images / 10));

    return (clr_linear_config){.epochs = 90,
                               .batch = batch,
                               .lr = 0.1 * (double)batch / 256,
                               .momentum = 0.9,
                               .seed = seed,
                               .as_they_are = true};
}

/* Those rows, copied; labels too. */
static clr_features rows_of(const clr_features *from, const int64_t *of, int64_t n, int32_t *labels)
{
    clr_features to = {n, from->dim, CLR_NEW(float, n * from->dim), labels, from->classes};

    for (int64_t i = 0; i < n; i++) {
        memcpy(to.h + i * to.dim, from->h + of[i] * to.dim, (size_t)to.dim * sizeof *to.h);
        labels[i] = from->labels[of[i]];
    }
    return to;
}

/* The rate that does best on a tenth of each class, the others being trained on. A rate that diverges is no candidate;
   ties go to the smaller one. */
static clr_status choose(clr_comm *comm, const clr_features *train, clr_linear_config *config, double *validation)
{
    int64_t trained, *order = clr_validation_split(train, config->seed, &trained), n = train->rows - trained;
    int32_t *labels = CLR_NEW(int32_t, n);
    clr_features held = rows_of(train, order + trained, n, labels);
    clr_linear_config one = *config;
    clr_status st = n ? CLR_OK
                      : clr_fail(CLR_EUSAGE, "several learning rates need a class with 2 images or more, for a "
                                             "validation split; give one --lr");

    *validation = -1;
    for (int i = 0; i < config->rates.n && st == CLR_OK; i++) {
        clr_linear linear = {0};
        clr_evaluation on_held = {0};
        one.lr = config->rates.rate[i];
        st = clr_linear_fit_rows(comm, train, order, trained, &one, &linear);
        if (st == CLR_OK)
            clr_linear_judge(comm, &linear, &held, &on_held);
        if (st == CLR_OK && (on_held.top1 > *validation || (on_held.top1 >= *validation && one.lr < config->lr)))
            *validation = on_held.top1, config->lr = one.lr;
        st = st == CLR_ENUMERIC ? CLR_OK : st;
        clr_linear_free(&linear);
    }
    if (st == CLR_OK && *validation < 0)
        st = clr_fail(CLR_ENUMERIC, "the linear probe diverged at every learning rate of --lr; try smaller ones");
    clr_features_free(&held);
    clr_free(labels);
    clr_free(order);
    return st;
}

clr_status clr_linear_probe(clr_comm *comm, const clr_features *train, const clr_features *test,
                            const clr_linear_config *config, clr_linear_result *result)
{
    clr_linear linear = {0};
    clr_linear_config chosen = *config;
    clr_status st = clr_features_check(train, test);

    *result = (clr_linear_result){.validation = NAN};
    if (st == CLR_OK && (config->epochs < 1 || config->batch < 1))
        st = clr_fail(CLR_EUSAGE, "a linear probe needs one epoch and a batch of one image at least");
    if (st == CLR_OK && config->rates.n > 1)
        st = choose(comm, train, &chosen, &result->validation);
    else if (config->rates.n == 1)
        chosen.lr = config->rates.rate[0];
    if (st == CLR_OK)
        st = clr_linear_fit(comm, train, &chosen, &linear);
    if (st == CLR_OK)
        clr_linear_judge(comm, &linear, test, &result->test);
    result->lr = chosen.lr;
    clr_linear_free(&linear);
    return st;
}
