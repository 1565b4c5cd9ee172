/* SPDX-License-Identifier: BSD-3-Clause */
/* Images by class: a drawn order within each class, classes matched by name, and two stores told apart. */
#include "clr/labels.h"

#include "clr/mem.h"
#include "clr/rng.h"

#include <stdlib.h>
#include <string.h>

typedef struct drawn {
    uint64_t key;
    int64_t id;
    int32_t label;
} drawn;

static int by_label(const void *a, const void *b)
{
    const drawn *x = a, *y = b;

    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

int64_t *clr_labels_order(const int32_t *labels, int64_t n, uint64_t seed)
{
    drawn *all = CLR_NEW(drawn, n);
    int64_t *order = CLR_NEW(int64_t, n);

    for (int64_t i = 0; i < n; i++) {
        clr_rng rng = clr_rng_for(seed, 0, (uint64_t)i, 0, CLR_RNG_SPLIT);
        uint64_t high = clr_rng_u32(&rng);
        all[i] = (drawn){high << 32 | clr_rng_u32(&rng), i, labels[i]};
    }
    qsort(all, (size_t)n, sizeof *all, by_label);
    for (int64_t i = 0; i < n; i++)
        order[i] = all[i].id;
    clr_free(all);
    return order;
}

clr_status clr_labels_match(const clr_store *train, const clr_store *test, int32_t **matched)
{
    const clr_store_info *a = clr_store_info_of(train), *b = clr_store_info_of(test);
    const int32_t *labels = clr_store_labels(test);
    clr_status st = CLR_OK;

    *matched = NULL;
    if (!a->classes || !b->classes)
        return clr_fail(CLR_EINPUT, "%s: has no labels; pack a folder whose folders are the classes",
                        clr_store_path(a->classes ? test : train));
    int32_t *number = CLR_NEW(int32_t, b->classes);
    for (int c = 0; c < b->classes && st == CLR_OK; c++) {
        while (number[c] < a->classes && strcmp(a->class_names[number[c]], b->class_names[c]))
            number[c]++;
        if (number[c] == a->classes)
            st = clr_fail(CLR_EINPUT,
                          "%s and %s do not go together: class '%s' of the second is not among the %d of the first",
                          clr_store_path(train), clr_store_path(test), b->class_names[c], a->classes);
    }
    if (st == CLR_OK) {
        *matched = CLR_NEW(int32_t, b->images);
        for (int64_t i = 0; i < b->images; i++)
            (*matched)[i] = number[labels[i]];
    }
    clr_free(number);
    return st;
}

clr_status clr_labels_apart(const clr_store *train, const clr_store *test)
{
    const clr_store_info *a = clr_store_info_of(train), *b = clr_store_info_of(test);

    if (a->checksum != b->checksum || a->images != b->images)
        return CLR_OK;
    return clr_fail(CLR_EINPUT,
                    "%s: the test images are the training images, those of %s: accuracy on training images measures "
                    "nothing; give other images with --test",
                    clr_store_path(test), clr_store_path(train));
}
