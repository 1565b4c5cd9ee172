/* SPDX-License-Identifier: BSD-3-Clause */
/* An open store: what it tells of itself, and its end. open.c opens it, fetch.c reads images. */
#include "clr/store.h"

#include "clr/h5.h"
#include "clr/mem.h"
#include "open.h"

#include <stdlib.h>
#include <unistd.h>

const clr_opt clr_data_option[] = {
    {"data", CLR_OPT_TEXT, 0, NULL, "DATA.h5", 0, 0, NULL, 0, "images, made by simclr pack"}, {0}};

static void free_texts(char **texts, int64_t n)
{
    for (int64_t i = 0; texts && i < n; i++)
        clr_free(texts[i]);
    clr_free(texts);
}

void clr_store_close(clr_store *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    free_texts(s->classes, s->class_count);
    free_texts(s->names, s->name_count);
    clr_free(s->offsets);
    clr_free(s->shapes);
    clr_free(s->checksums);
    clr_free(s->labels);
    clr_free(s->path);
    clr_free(s);
}

const clr_store_info *clr_store_info_of(const clr_store *s)
{
    return &s->info;
}

const char *clr_store_path(const clr_store *s)
{
    return s->path;
}

const int32_t *clr_store_labels(const clr_store *s)
{
    return s->labels;
}

bool clr_store_encoded(const clr_store *s, clr_image_rules *rules)
{
    *rules = s->rules;
    return s->encoded;
}

static int by_size(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

int clr_store_side(const clr_store *s)
{
    int64_t n = s->info.images;
    int32_t shape[3] = {0}, *side;

    if (!s->shapes) {
        clr_store_shape(s, 0, shape);
        return shape[0] < shape[1] ? shape[0] : shape[1];
    }
    side = CLR_NEW(int32_t, n);
    for (int64_t i = 0; i < n; i++) {
        clr_store_shape(s, i, shape);
        side[i] = shape[0] < shape[1] ? shape[0] : shape[1];
    }
    qsort(side, (size_t)n, sizeof *side, by_size);
    int median = side[n / 2];
    clr_free(side);
    return median;
}
