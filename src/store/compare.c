/* SPDX-License-Identifier: BSD-3-Clause */
/* The overlap of two stores: each image becomes a hash, and the sorted hashes of both are compared in one pass. */
#include "clr/hash.h"
#include "clr/mem.h"
#include "clr/store.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many of a's numbers are among b's; both sorted. */
static int64_t found_in(const uint64_t *a, int64_t n, const uint64_t *b, int64_t m)
{
    int64_t found = 0;

    for (int64_t i = 0, j = 0; i < n; i++) {
        while (j < m && b[j] < a[i])
            j++;
        found += j < m && b[j] == a[i];
    }
    return found;
}

/* The images' numbers, with their classes' names where labelled, sorted. */
static void sorted(clr_store *store, const uint64_t *number, bool labelled, uint64_t *out)
{
    const clr_store_info *info = clr_store_info_of(store);
    const int32_t *label = clr_store_labels(store);

    for (int64_t i = 0; i < info->images; i++) {
        const char *name = labelled ? info->class_names[label[i]] : "";
        out[i] = clr_hash(number[i], name, strlen(name));
    }
    qsort(out, (size_t)info->images, sizeof *out, by_value);
}

static bool same_bytes(clr_store *a, clr_store *b)
{
    clr_image_rules x, y;
    bool encoded = clr_store_encoded(a, &x);

    return encoded == clr_store_encoded(b, &y) &&
           (!encoded || (x.upright == y.upright && x.stretch == y.stretch && x.low == y.low && x.high == y.high));
}

clr_status clr_store_compare(clr_store *a, clr_store *b, clr_store_overlap *overlap)
{
    const clr_store_info *f = clr_store_info_of(a), *g = clr_store_info_of(b);
    int64_t n = f->images, m = g->images;
    uint64_t *number[2] = {CLR_NEW(uint64_t, n), CLR_NEW(uint64_t, m)},
             *key[2] = {CLR_NEW(uint64_t, n), CLR_NEW(uint64_t, m)};
    bool decoded = !same_bytes(a, b);
    clr_status st = clr_store_numbers(a, decoded, number[0]);

    *overlap = (clr_store_overlap){0};
    if (st == CLR_OK)
        st = clr_store_numbers(b, decoded, number[1]);
    for (int labelled = 0; labelled < 2 && st == CLR_OK; labelled++) {
        if (labelled && (!f->classes || !g->classes))
            break;
        sorted(a, number[0], labelled, key[0]);
        sorted(b, number[1], labelled, key[1]);
        int64_t common = found_in(key[1], m, key[0], n);
        if (labelled) {
            overlap->relabelled = overlap->b_in_a - common;
        } else {
            overlap->b_in_a = common;
            overlap->a_in_b = found_in(key[0], n, key[1], m);
        }
    }
    for (int i = 0; i < 2; i++) {
        clr_free(number[i]);
        clr_free(key[i]);
    }
    return st;
}

clr_status clr_store_repeats(clr_store *store, int64_t *images)
{
    int64_t n = clr_store_info_of(store)->images;
    uint64_t *number = CLR_NEW(uint64_t, n);
    clr_status st = clr_store_numbers(store, false, number);

    *images = 0;
    qsort(number, (size_t)n, sizeof *number, by_value);
    for (int64_t i = 1; i < n && st == CLR_OK; i++)
        *images += number[i] == number[i - 1];
    clr_free(number);
    return st;
}
