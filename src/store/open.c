/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening a store: everything but the pixels and the names is read and checked; names are read when first asked for. */
#include "clr/h5.h"
#include "clr/kind.h"
#include "layout.h"
#include "open.h"

#include <unistd.h>

static clr_status open_uniform(clr_store *s, clr_h5 *file)
{
    clr_h5_type type;
    int64_t n[CLR_H5_RANK];
    int rank;
    clr_status st = clr_h5_shape(file, "/images", &type, &rank, n);

    if (st != CLR_OK)
        return st;
    if (type != CLR_H5_U8 || rank != 4 || n[0] < 1 || n[1] < 1 || n[2] < 1 || (n[3] != 1 && n[3] != 3) ||
        n[1] > CLR_IMAGE_SIDE || n[2] > CLR_IMAGE_SIDE || n[1] * n[2] > CLR_IMAGE_PIXELS)
        return clr_fail(CLR_EINPUT, "%s: /images is not uint8 of shape (n, height, width, 1 or 3)", s->path);
    s->info.images = n[0];
    s->info.height = s->info.max_height = (int)n[1];
    s->info.width = s->info.max_width = (int)n[2];
    s->info.max_pixels = n[1] * n[2];
    s->info.channels = (int)n[3];
    return clr_h5_offset(file, "/images", &s->base);
}

static bool possible(const int32_t shape[3])
{
    return shape[0] >= 1 && shape[0] <= CLR_IMAGE_SIDE && shape[1] >= 1 && shape[1] <= CLR_IMAGE_SIDE &&
           (int64_t)shape[0] * shape[1] <= CLR_IMAGE_PIXELS && (shape[2] == 1 || shape[2] == 3);
}

/* Whether offsets and shapes fit each other and the dataset of bytes; fills the info. */
static bool consistent(clr_store *s, int64_t bytes)
{
    clr_store_info *f = &s->info;
    const int32_t *shape = s->shapes;

    if (s->offsets[0] || s->offsets[f->images] != bytes)
        return false;
    f->height = shape[0], f->width = shape[1], f->channels = shape[2];
    for (int64_t i = 0; i < f->images; i++, shape += 3) {
        int64_t from = s->offsets[i], to = s->offsets[i + 1]; /* from is in the dataset: 0, or it was to */
        if (to <= from || to > bytes || !possible(shape))
            return false;
        int64_t pixels = (int64_t)shape[0] * shape[1];
        if (!s->encoded && to - from != pixels * shape[2])
            return false;
        f->max_height = shape[0] > f->max_height ? shape[0] : f->max_height;
        f->max_width = shape[1] > f->max_width ? shape[1] : f->max_width;
        f->max_pixels = pixels > f->max_pixels ? pixels : f->max_pixels;
        if (shape[0] != f->height || shape[1] != f->width)
            f->height = f->width = 0;
        if (shape[2] != f->channels)
            f->channels = 0;
    }
    return true;
}

static clr_status open_ragged(clr_store *s, clr_h5 *file, const char *name)
{
    clr_h5_type type;
    int64_t bytes[CLR_H5_RANK], n[CLR_H5_RANK];
    int rank;
    clr_status st;

    if ((st = clr_h5_shape(file, name, &type, &rank, bytes)) != CLR_OK)
        return st;
    if (type != CLR_H5_U8 || rank != 1)
        return clr_fail(CLR_EINPUT, "%s: %s is not uint8 of one dimension", s->path, name);
    if ((st = clr_h5_shape(file, "/shapes", &type, &rank, n)) != CLR_OK)
        return st;
    if (type != CLR_H5_I32 || rank != 2 || n[0] < 1 || n[1] != 3)
        return clr_fail(CLR_EINPUT, "%s: /shapes is not int32 of shape (n, 3)", s->path);
    s->info.images = n[0];
    if ((st = clr_h5_load(file, "/offsets", CLR_H5_I64, n[0] + 1, &s->offsets)) != CLR_OK ||
        (st = clr_h5_load(file, "/shapes", CLR_H5_I32, 3 * n[0], &s->shapes)) != CLR_OK)
        return st;
    if (!consistent(s, bytes[0]))
        return clr_fail(CLR_EINPUT, "%s: /offsets, /shapes and %s contradict each other; pack it again", s->path, name);
    return clr_h5_offset(file, name, &s->base);
}

/* Texts of one dimension, their checksum verified, as many as least to most; free_texts takes what there is. */
static clr_status load_texts(clr_h5 *file, const char *name, int64_t least, int64_t most, char ***texts, int64_t *n)
{
    int64_t shape[CLR_H5_RANK];
    int rank;
    clr_status st = clr_h5_shape(file, name, NULL, &rank, shape);

    if (st != CLR_OK)
        return st;
    if (rank != 1 || shape[0] < least || shape[0] > most)
        return clr_fail(CLR_EINPUT, "%s: %s has %lld entries, and there should be %lld%s", clr_h5_path(file), name,
                        (long long)shape[0], (long long)least, most > least ? " or more, up to a million" : "");
    st = clr_h5_verify(file, name);
    return st == CLR_OK ? clr_h5_read_texts(file, name, texts, n) : st;
}

static clr_status open_labels(clr_store *s, clr_h5 *file)
{
    enum { MOST = 1 << 20 };
    clr_status st = clr_h5_load(file, "/labels", CLR_H5_I32, s->info.images, &s->labels);

    if (st == CLR_OK)
        st = load_texts(file, "/classes", 1, MOST, &s->classes, &s->class_count);
    if (st != CLR_OK)
        return st;
    s->info.classes = (int)s->class_count;
    s->info.class_names = (const char *const *)s->classes;
    bool *seen = CLR_NEW(bool, s->info.classes);
    for (int64_t i = 0; st == CLR_OK && i < s->info.images; i++) {
        if (s->labels[i] < 0 || s->labels[i] >= s->info.classes) {
            st = clr_fail(CLR_EINPUT, "%s: /labels: image %lld has label %d; there are %d classes", s->path,
                          (long long)i, (int)s->labels[i], s->info.classes);
            break;
        }
        s->info.present += !seen[s->labels[i]];
        seen[s->labels[i]] = true;
    }
    clr_free(seen);
    return st;
}

static clr_status read_rules(clr_store *s, clr_h5 *file)
{
    char *orientation = NULL, *range = NULL;
    clr_status st = CLR_OK;

    if (clr_h5_get_text(file, "orientation", &orientation) == CLR_OK)
        s->rules.upright = !strcmp(orientation, "apply");
    if (clr_h5_get_text(file, "range", &range) == CLR_OK && (st = clr_image_range_parse(range, &s->rules)) != CLR_OK)
        st = clr_fail(CLR_EINPUT, "%s: its attribute range, '%s', is none", s->path, range);
    clr_free(orientation);
    clr_free(range);
    return st;
}

static clr_status open_all(clr_store *s, clr_h5 *file)
{
    char *format = NULL, *kind = NULL;
    int64_t content;
    int32_t shape[3];
    uint64_t hash;
    clr_status st;

    if ((st = clr_h5_get_text(file, "format", &format)) != CLR_OK ||
        (st = clr_h5_get_text(file, "store", &kind)) != CLR_OK || strcmp(format, CLR_STORE_FORMAT)) {
        st = clr_fail(CLR_EINPUT, "%s: is %s, not a dataset of `simclr pack`", s->path,
                      clr_h5_has(file, "/model") ? "a checkpoint"
                      : clr_h5_has(file, "/h")   ? "a file of features"
                                                 : "an HDF5 file");
        goto out;
    }
    s->encoded = !strcmp(kind, "encoded");
    if ((st = read_rules(s, file)) != CLR_OK)
        goto out;
    hash = clr_store_begin(s->encoded, &s->rules);
    st = !s->encoded && clr_h5_has(file, "/images") ? open_uniform(s, file)
                                                    : open_ragged(s, file, s->encoded ? "/encoded" : "/pixels");
    if (st == CLR_OK)
        st = clr_h5_load(file, "/checksums", CLR_H5_I64, s->info.images, &s->checksums);
    if (st == CLR_OK && clr_h5_has(file, "/labels"))
        st = open_labels(s, file);
    if (st == CLR_OK)
        st = clr_h5_get_int(file, "content", &content);
    for (int64_t i = 0; st == CLR_OK && i < s->info.images; i++) {
        clr_store_shape(s, i, shape);
        hash = clr_store_fold(hash, (uint64_t)s->checksums[i], shape, s->labels ? s->labels[i] : -1);
    }
    s->info.checksum = hash;
    if (st == CLR_OK && hash != (uint64_t)content)
        st = clr_fail(CLR_EINPUT, "%s: is damaged: its parts do not add up to its checksum; pack it again", s->path);
out:
    clr_free(format);
    clr_free(kind);
    return st;
}

static clr_status open_once(const char *path, clr_store **store)
{
    clr_store *s = CLR_NEW(clr_store, 1);
    clr_h5 *file = NULL;
    clr_status st = clr_kind_check(path, true);

    *store = NULL;
    s->path = clr_copy_text(path);
    s->fd = -1;
    clr_h5_lock();
    if (st == CLR_OK)
        st = clr_h5_open(path, &file);
    if (st == CLR_OK)
        st = open_all(s, file);
    if (st == CLR_OK)
        st = clr_h5_descriptor(file, &s->fd);
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    if (st == CLR_OK)
        *store = s;
    else
        clr_store_close(s);
    return st;
}

clr_status clr_store_open(const char *path, clr_store **store)
{
    clr_status st;
    int tries = 0;

    do
        st = open_once(path, store);
    while (clr_h5_again(st, &tries));
    return st;
}

static clr_status read_names(clr_store *s)
{
    clr_h5 *file = NULL;

    clr_h5_lock();
    clr_status st = clr_h5_open(s->path, &file);
    if (st == CLR_OK)
        st = load_texts(file, "/names", s->info.images, s->info.images, &s->names, &s->name_count);
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    return st;
}

clr_status clr_store_name(clr_store *s, int64_t id, char **name)
{
    clr_status st = CLR_OK;
    int tries = 0;

    CLR_CHECK(id >= 0 && id < s->info.images);
    do
        st = s->names ? CLR_OK : read_names(s);
    while (clr_h5_again(st, &tries));
    if (st == CLR_OK)
        *name = clr_copy_text(s->names[id]);
    return st;
}
