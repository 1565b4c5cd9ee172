/* SPDX-License-Identifier: BSD-3-Clause */
/* The datasets of a probe: whether training and test images go together, and whether the test is one. */
#include "probe.h"

#include "clr/labels.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/rng.h"

#include <string.h>

/* Images of each class; freed by clr_free. */
static int64_t *count_of(const int32_t *labels, int64_t images, int classes)
{
    int64_t *count = CLR_NEW(int64_t, classes);

    for (int64_t i = 0; i < images; i++)
        count[labels[i]]++;
    return count;
}

/* --k=0: neighbours of other classes would outvote those of the smallest class if more voted than it has images. */
static int64_t neighbours_of(const clr_probe *p)
{
    enum { LEAST = 5, MOST = 200 };
    int64_t *count = count_of(p->train_labels, clr_store_info_of(p->train)->images, p->classes), smallest = MOST;

    for (int c = 0; c < p->classes; c++)
        smallest = count[c] > 0 && count[c] < smallest ? count[c] : smallest;
    clr_free(count);
    return smallest < LEAST ? LEAST : smallest;
}

static double chance_of(const clr_probe *p)
{
    int64_t images = clr_store_info_of(p->test)->images, most = 0;
    int64_t *count = count_of(p->test_labels, images, p->classes);

    for (int c = 0; c < p->classes; c++)
        most = clr_max64(most, count[c]);
    clr_free(count);
    return 100 * (double)most / (double)images;
}

static int32_t *copy_of(const int32_t *labels, int64_t images)
{
    int32_t *copy = CLR_NEW(int32_t, images);

    memcpy(copy, labels, (size_t)images * sizeof *copy);
    return copy;
}

/* The labels to predict are the datasets' classes. */
static clr_status take_classes(clr_probe *p)
{
    const clr_store_info *a = clr_store_info_of(p->train), *b = clr_store_info_of(p->test);

    if (!a->classes || !b->classes)
        return clr_fail(CLR_EINPUT,
                        "%s: has no labels; a probe needs them: pack a folder whose folders are the classes",
                        a->classes ? p->config->test : p->config->train);
    if (a->present < 2) /* classes without images do not count */
        return clr_fail(
            CLR_EINPUT,
            "%s: all its %lld images are of one class, '%s'; a probe needs training images of two classes or more",
            p->config->train, (long long)a->images, a->class_names[clr_store_labels(p->train)[0]]);
    p->classes = a->classes;
    p->class_names = (const char *const *)a->class_names;
    p->train_labels = copy_of(clr_store_labels(p->train), a->images);
    return clr_labels_match(p->train, p->test, &p->test_labels);
}

/* The labels to predict are those of a transformation. */
static clr_status take_transformation(clr_probe *p)
{
    clr_transformation *t = &p->transformation;
    uint64_t seed = p->config->linear.seed;

    if (!strcmp(p->config->predict, "gray") && p->pretrained.channels == 1)
        return clr_fail(CLR_EUSAGE, "--predict=gray: the network learned from gray images; rotate, noise and sobel can "
                                    "be told in them");
    clr_status st = clr_transformation_of(p->config->predict, p->pretrained.config.augment, t);
    if (st != CLR_OK)
        return st;
    p->classes = t->classes;
    p->class_names = t->class_name;
    for (int i = 0; i < 2; i++) {
        int64_t images = clr_store_info_of(i ? p->test : p->train)->images;
        p->transformed[i] = clr_transformed_of(t, seed, (uint64_t)i, images);
        *(i ? &p->test_labels : &p->train_labels) = copy_of(p->transformed[i].label, images);
    }
    return CLR_OK;
}

clr_status clr_probe_check_data(clr_probe *p)
{
    const clr_store_info *a = clr_store_info_of(p->train), *b = clr_store_info_of(p->test);
    bool classes = !strcmp(p->config->predict, "class");
    clr_status st = clr_labels_apart(p->train, p->test);

    if (st == CLR_OK && p->pretrained.channels == 1 && (a->channels != 1 || b->channels != 1))
        st = clr_fail(CLR_EINPUT, "%s: has colour images, and the network learned from gray ones",
                      a->channels != 1 ? p->config->train : p->config->test);
    if (st == CLR_OK)
        st = classes ? take_classes(p) : take_transformation(p);
    if (st != CLR_OK)
        return st;
    if (p->config->shuffle_labels) { /* a transformation's own labels stay: they make the views */
        clr_rng rng = clr_rng_for(p->config->linear.seed, 1, 0, 0, CLR_RNG_PROBE);
        clr_rng_shuffle(&rng, p->train_labels, (int)a->images);
    }
    p->chance = chance_of(p);
    for (int i = 0; i < p->config->k.n; i++)
        for (int j = 0; j < p->config->temperature.n; j++) {
            int64_t k = (int64_t)p->config->k.rate[i];
            p->knn[p->knns++] = (clr_knn_config){k ? k : neighbours_of(p), p->config->temperature.rate[j]};
        }
    return CLR_OK;
}

void clr_probe_free_labels(clr_probe *p)
{
    clr_free(p->train_labels);
    clr_free(p->test_labels);
    clr_free(p->transformed[0].label);
    clr_free(p->transformed[1].label);
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
