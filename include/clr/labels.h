/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LABELS_H
#define CLR_LABELS_H
/* Which images of a labelled store are used with their labels. Local. */
#include "clr/store.h"

/* The ids chosen by text, ascending; *ids is freed by clr_free. text:
     "1%", "10%", "100%"   this share of each class, rounded, one image at least
     "20/class"            so many of each class
     FILE                  a list of names, one a line, as the store has them or without folders
   Of each class those images count whose draws, pure functions of (seed, id), are the smallest: a smaller subset of the
   same seed is part of a larger one. CLR_EUSAGE: not such a text, or more images than a class has; CLR_EINPUT: no
   labels, a name that the store does not have, images of one class alone, fewer images than classes. */
clr_status clr_labels_choose(clr_store *store, const char *text, uint64_t seed, int64_t **ids, int64_t *n);

/* The labels of test as class numbers of train; classes are matched by name. *labels (test's images) is freed by
   clr_free. CLR_EINPUT: a class of test is not one of train's, or one of them has no labels. */
clr_status clr_labels_match(const clr_store *train, const clr_store *test, int32_t **labels);

/* The numbers 0 .. n-1 by label, those of one label in an order that is a pure function of (seed, number); freed by
   clr_free. */
int64_t *clr_labels_order(const int32_t *labels, int64_t n, uint64_t seed);

/* CLR_EINPUT where both stores hold the same images in the same order. */
clr_status clr_labels_apart(const clr_store *train, const clr_store *test);

#endif
