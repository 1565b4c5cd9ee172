/* SPDX-License-Identifier: BSD-3-Clause */
/* The datasets of a probe: whether training and test images go together, and whether the test is one. */
#include "probe.h"

#include "clr/labels.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/rng.h"

#include <string.h>

/* --k=0: neighbours of other classes would outvote those of the smallest class if more voted than it has images. */
static int64_t neighbours_of(const clr_store *train)
{
    enum { LEAST = 5, MOST = 200 };
    const clr_store_info *info = clr_store_info_of(train);
    const int32_t *labels = clr_store_labels(train);
    int64_t *count = CLR_NEW(int64_t, info->classes), smallest = MOST;

    for (int64_t i = 0; i < info->images; i++)
        count[labels[i]]++;
    for (int c = 0; c < info->classes; c++)
        smallest = count[c] > 0 && count[c] < smallest ? count[c] : smallest;
    clr_free(count);
    return smallest < LEAST ? LEAST : smallest;
}

clr_status clr_probe_check_data(clr_probe *p)
{
    const clr_store_info *a = clr_store_info_of(p->train), *b = clr_store_info_of(p->test);

    if (!a->classes || !b->classes)
        return clr_fail(CLR_EINPUT,
                        "%s: has no labels; a probe needs them: pack a folder whose folders are the classes",
                        a->classes ? p->config->test : p->config->train);
    clr_status st = clr_labels_apart(p->train, p->test);
    if (st != CLR_OK)
        return st;
    if (p->pretrained.channels == 1 && (a->channels != 1 || b->channels != 1))
        return clr_fail(CLR_EINPUT, "%s: has colour images, and the network learned from gray ones",
                        a->channels != 1 ? p->config->train : p->config->test);
    if (a->present < 2) /* classes without images do not count */
        return clr_fail(
            CLR_EINPUT,
            "%s: all its %lld images are of one class, '%s'; a probe needs training images of two classes or more",
            p->config->train, (long long)a->images, a->class_names[clr_store_labels(p->train)[0]]);
    for (int i = 0; i < p->config->k.n; i++)
        for (int j = 0; j < p->config->temperature.n; j++) {
            int64_t k = (int64_t)p->config->k.rate[i];
            p->knn[p->knns++] = (clr_knn_config){k ? k : neighbours_of(p->train), p->config->temperature.rate[j]};
        }
    return clr_labels_match(p->train, p->test, &p->test_labels);
}

int32_t *clr_probe_shuffled(const clr_probe *p)
{
    int64_t n = clr_store_info_of(p->train)->images;
    int32_t *labels = CLR_NEW(int32_t, n);
    clr_rng rng = clr_rng_for(p->config->linear.seed, 1, 0, 0, CLR_RNG_PROBE);

    memcpy(labels, clr_store_labels(p->train), (size_t)n * sizeof *labels);
    for (int64_t i = n - 1; i > 0; i--) { /* Fisher-Yates */
        int64_t j = clr_rng_below(&rng, (uint32_t)(i + 1));
        int32_t other = labels[j];
        labels[j] = labels[i];
        labels[i] = other;
    }
    return labels;
}

clr_status clr_probe_check_overlap(clr_probe *p)
{
    const clr_store_info *train = clr_store_info_of(p->train), *test = clr_store_info_of(p->test);
    clr_store_overlap o;
    clr_status st = clr_store_compare(p->train, p->test, &o);

    if (st != CLR_OK || !o.b_in_a)
        return st;
    if (o.b_in_a == test->images && o.a_in_b == train->images && test->images == train->images)
        return clr_fail(
            CLR_EINPUT,
            "%s: the test images are the training images, those of %s, in another order: accuracy on training images "
            "measures nothing; give other images with --test",
            p->config->test, p->config->train);
    clr_warn("%s: %lld of its %lld images are among the training images, those of %s, pixel by pixel (%lld of them in "
             "another class): the accuracy on "
             "them says nothing about new images",
             p->config->test, (long long)o.b_in_a, (long long)test->images, p->config->train, (long long)o.relabelled);
    p->common = o.b_in_a;
    return CLR_OK;
}
