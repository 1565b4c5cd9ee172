/* SPDX-License-Identifier: BSD-3-Clause */
/* Subsets of labelled images. */
#include "clr/labels.h"

#include "clr/mem.h"
#include "clr/plain.h"
#include "clr/tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LIST = 1 << 28 }; /* bytes of a list of names */

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* A number of images for each class: a share of the class, or the same number. */
typedef struct amount {
    double share;    /* 0: a number */
    int64_t a_class; /* images */
} amount;

static bool parse(const char *text, amount *w)
{
    char *end;
    double number = strtod(text, &end);

    *w = (amount){0};
    if (end == text)
        return false;
    if (!strcmp(end, "%") && number > 0 && number <= 100)
        w->share = number / 100;
    else if (!strcmp(end, "/class") && number >= 1 && number <= 1e9 && number == floor(number))
        w->a_class = (int64_t)number;
    return w->share > 0 || w->a_class > 0;
}

static clr_status take_classes(const clr_store *store, const amount *w, uint64_t seed, int64_t *ids, int64_t *n)
{
    const clr_store_info *info = clr_store_info_of(store);
    const int32_t *labels = clr_store_labels(store);
    int64_t *order = clr_labels_order(labels, info->images, seed);
    clr_status st = CLR_OK;

    *n = 0;
    for (int64_t from = 0, to; from < info->images && st == CLR_OK; from = to) {
        for (to = from; to < info->images && labels[order[to]] == labels[order[from]];)
            to++;
        int64_t count = w->a_class ? w->a_class : clr_max64(1, llround(w->share * (double)(to - from)));
        if (count > to - from)
            st = clr_fail(CLR_EUSAGE, "--labels=%lld/class: class '%s' of %s has %lld images", (long long)w->a_class,
                          info->class_names[labels[order[from]]], clr_store_path(store), (long long)(to - from));
        for (int64_t i = from; i < from + count && st == CLR_OK; i++)
            ids[(*n)++] = order[i];
    }
    clr_free(order);
    return st;
}

typedef struct named {
    char *name;
    int64_t id;
} named;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

/* Both "n01/x.JPEG" and "x.JPEG" name an image; a name without folders must name one alone. */
static clr_status find_name(const named *whole, const named *last, int64_t images, const char *name, int64_t *id)
{
    const named key = {(char *)(uintptr_t)name, 0};
    const named *found = bsearch(&key, whole, (size_t)images, sizeof key, by_name);

    if (!found && (found = bsearch(&key, last, (size_t)images, sizeof key, by_name))) {
        bool twice = (found > last && !strcmp(found[-1].name, name)) ||
                     (found < last + images - 1 && !strcmp(found[1].name, name));
        if (twice)
            return clr_fail(CLR_EINPUT, "'%s' is the name of several images; give it with its folder", name);
    }
    if (!found)
        return clr_fail(CLR_EINPUT, "'%s' is none of the dataset's images", name);
    *id = found->id;
    return CLR_OK;
}

static clr_status take_lines(char *text, const named *whole, const named *last, int64_t images, int64_t *ids,
                             int64_t *n)
{
    bool *taken = CLR_NEW(bool, images);
    clr_status st = CLR_OK;

    for (char *line = text, *next; line && st == CLR_OK; line = next) {
        int64_t id = 0;
        if ((next = strchr(line, '\n')))
            *next++ = 0;
        line[strcspn(line, "\r")] = 0;
        if (!*line)
            continue;
        st = find_name(whole, last, images, line, &id);
        if (st == CLR_OK && !taken[id])
            ids[(*n)++] = id;
        if (st == CLR_OK)
            taken[id] = true;
    }
    clr_free(taken);
    return st;
}

static clr_status take_list(clr_store *store, const char *path, int64_t *ids, int64_t *n)
{
    int64_t images = clr_store_info_of(store)->images;
    named *whole = CLR_NEW(named, images), *last = CLR_NEW(named, images);
    char *text = NULL;
    clr_status st = clr_plain_read(path, LIST, &text);

    if (st == CLR_OK && !text)
        st = clr_fail(CLR_EUSAGE,
                      "--labels=%s: must be a share (10%%), a number of images (20/class) or the file of a list of "
                      "names, and there is no such file",
                      path);
    for (int64_t i = 0; i < images && st == CLR_OK; i++) {
        st = clr_store_name(store, i, &whole[i].name);
        if (st != CLR_OK)
            break;
        const char *slash = strrchr(whole[i].name, '/');
        last[i] = (named){(char *)(uintptr_t)(slash ? slash + 1 : whole[i].name), i};
        whole[i].id = i;
    }
    *n = 0;
    if (st == CLR_OK) {
        qsort(whole, (size_t)images, sizeof *whole, by_name);
        qsort(last, (size_t)images, sizeof *last, by_name);
        st = take_lines(text, whole, last, images, ids, n);
        if (st != CLR_OK)
            st = clr_fail_in(st, "--labels=%s", path);
    }
    for (int64_t i = 0; i < images; i++)
        clr_free(whole[i].name);
    clr_free(whole);
    clr_free(last);
    clr_free(text);
    return st;
}

static clr_status check_classes(const clr_store *store, const int64_t *ids, int64_t n, const char *text)
{
    const int32_t *labels = clr_store_labels(store);
    int classes = clr_store_info_of(store)->present;
    bool several = false;

    for (int64_t i = 1; i < n && !several; i++)
        several = labels[ids[i]] != labels[ids[0]];
    if (!n)
        return clr_fail(CLR_EINPUT, "--labels=%s: names no image", text);
    if (several && n < classes)
        return clr_fail(CLR_EINPUT,
                        "--labels=%s: names %lld images, fewer than the %d classes of %s; one of each class is needed "
                        "at least",
                        text, (long long)n, classes, clr_store_path(store));
    if (several)
        return CLR_OK;
    return clr_fail(CLR_EINPUT, "--labels=%s: all %lld images of %s are of one class, '%s'; two are needed at least",
                    text, (long long)n, clr_store_path(store), clr_store_info_of(store)->class_names[labels[ids[0]]]);
}

clr_status clr_labels_choose(clr_store *store, const char *text, uint64_t seed, int64_t **ids, int64_t *n)
{
    const clr_store_info *info = clr_store_info_of(store);
    amount w;

    *ids = NULL;
    *n = 0;
    if (!info->classes)
        return clr_fail(CLR_EINPUT, "%s: has no labels; pack a folder whose folders are the classes",
                        clr_store_path(store));
    *ids = CLR_NEW(int64_t, info->images);
    clr_status st = parse(text, &w) ? take_classes(store, &w, seed, *ids, n) : take_list(store, text, *ids, n);
    if (st == CLR_OK) {
        qsort(*ids, (size_t)*n, sizeof **ids, by_id);
        st = check_classes(store, *ids, *n, text);
    }
    if (st != CLR_OK) {
        clr_free(*ids);
        *ids = NULL;
    }
    return st;
}
