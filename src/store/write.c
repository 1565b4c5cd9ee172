/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing a store. Whether all images have one shape is known only at the end, so their bytes are spooled to an
   unlinked file beside the store's (it vanishes with the process, whatever happens) and poured into the HDF5 file by
   commit. What is poured is punched out of the spool, so that both together take hardly more room than one. */
#include "clr/h5.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/store.h"
#include "layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct clr_store_writer {
    char *path;
    char *left; /* the spool's name, where it could not be unlinked at once */
    clr_store_layout layout;
    int spool;
    int64_t images, capacity, bytes;
    int64_t *offsets; /* room + 1 */
    int64_t *checksums;
    int32_t *shapes; /* (room, 3) */
    int32_t *labels;
    char **names;
};

clr_status clr_store_create(const char *path, const clr_store_layout *layout, clr_store_writer **writer)
{
    char *temporary = clr_text("%s.tmp-XXXXXX", path);
    int spool = mkstemp(temporary);
    clr_status st = CLR_OK;

    if (spool < 0) {
        st = clr_fail(CLR_EIO, "%s: cannot be written: %s", path, strerror(errno));
    } else {
        char *left = unlink(temporary) ? clr_copy_text(temporary) : NULL;
        *writer = CLR_NEW(clr_store_writer, 1);
        **writer = (clr_store_writer){.path = clr_copy_text(path), .left = left, .layout = *layout, .spool = spool};
    }
    clr_free(temporary);
    return st;
}

void clr_store_abandon(clr_store_writer *w)
{
    if (!w)
        return;
    close(w->spool);
    if (w->left && unlink(w->left) && errno != ENOENT)
        clr_warn("%s: this temporary file cannot be removed: %s; you may delete it", w->left, strerror(errno));
    clr_free(w->left);
    for (int64_t i = 0; i < w->images; i++)
        clr_free(w->names[i]);
    clr_free(w->names);
    clr_free(w->offsets);
    clr_free(w->checksums);
    clr_free(w->shapes);
    clr_free(w->labels);
    clr_free(w->path);
    clr_free(w);
}

static void grow(void *field, int64_t used, int64_t capacity, size_t size)
{
    void **block = field, *larger = clr_alloc((size_t)capacity, size);

    if (used)
        memcpy(larger, *block, (size_t)used * size);
    clr_free(*block);
    *block = larger;
}

static void make_room(clr_store_writer *w)
{
    if (w->images < w->capacity)
        return;
    int64_t capacity = w->capacity = 2 * w->capacity + 1024;
    grow(&w->offsets, w->offsets ? w->images + 1 : 0, capacity + 1, sizeof *w->offsets);
    grow(&w->checksums, w->images, capacity, sizeof *w->checksums);
    grow(&w->shapes, 3 * w->images, 3 * capacity, sizeof *w->shapes);
    grow(&w->labels, w->images, capacity, sizeof *w->labels);
    grow(&w->names, w->images, capacity, sizeof *w->names);
}

clr_status clr_store_append(clr_store_writer *w, const clr_image *image, const uint8_t *encoded, int64_t encoded_bytes,
                            int label, const char *name)
{
    const uint8_t *data = w->layout.encoded ? encoded : image->pixels;
    int64_t bytes = w->layout.encoded ? encoded_bytes : (int64_t)image->height * image->width * image->channels;
    int64_t i = w->images, done = 0;

    CLR_CHECK(data && bytes > 0 && label >= (w->layout.classes ? 0 : -1) &&
              label < (w->layout.classes ? w->layout.classes : 1));
    make_room(w);
    while (done < bytes) {
        ssize_t n = pwrite(w->spool, data + done, (size_t)(bytes - done), (off_t)(w->bytes + done));
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return clr_fail(CLR_EIO, "%s: cannot be written: %s", w->path, n ? strerror(errno) : "no space");
        done += n > 0 ? n : 0;
    }
    w->shapes[3 * i] = image->height, w->shapes[3 * i + 1] = image->width, w->shapes[3 * i + 2] = image->channels;
    w->checksums[i] = (int64_t)clr_hash(CLR_HASH_START, data, (size_t)bytes);
    w->labels[i] = label;
    w->names[i] = clr_copy_text(name);
    w->offsets[i + 1] = w->bytes += bytes;
    w->images++;
    return CLR_OK;
}

/* Frees the disk space of these bytes of the spool; their contents are lost. */
static bool punch(int spool, int64_t from, int64_t bytes)
{
#ifdef FALLOC_FL_PUNCH_HOLE
    return !fallocate(spool, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)bytes);
#else
    (void)spool, (void)from, (void)bytes;
    return false;
#endif
}

clr_status clr_store_room(const clr_store_writer *w, double bytes, bool exact)
{
    enum { WORTH_WORDS = 500 }; /* MB */
    const char *how = "--resize-shorter=N or --store=encoded may take less, or pack to another disk", *twice = "";
    struct statvfs attributes;

    if (fstatvfs(w->spool, &attributes))
        return CLR_OK;
    double mb = 1e-6 * bytes, there = 1e-6 * (double)attributes.f_bavail * (double)attributes.f_frsize;
    if (!punch(w->spool, w->bytes, 1)) { /* behind its end */
        mb *= 2;
        twice = " (twice what the images take: this file system does not give back parts of files)";
    }
    if (mb > WORTH_WORDS || mb > there / 2)
        clr_info("%s: about %.1f MB will be written%s; %.1f MB are free", w->path, mb, twice, there);
    if (mb > there && exact)
        return clr_fail(CLR_EIO, "%s: no space: %.1f MB are needed%s, and %.1f MB are free; %s", w->path, mb, twice,
                        there, how);
    if (mb > there)
        clr_warn("%s: the disk may get full; %s", w->path, how);
    return CLR_OK;
}

/* The spooled bytes as rows of a dataset whose first dimension is shape[0], row bytes each. */
static clr_status pour(const clr_store_writer *w, clr_h5 *file, const char *name, int rank, const int64_t *shape,
                       int64_t row)
{
    int64_t piece = row > (4 << 20) ? 1 : (4 << 20) / row, at = 0, n;
    clr_h5_rows *rows = NULL;
    uint8_t *buffer = clr_alloc((size_t)(piece * row), 1);
    clr_status st = clr_h5_rows_begin(file, name, CLR_H5_U8, rank, shape, &rows);

    for (int64_t i = 0; st == CLR_OK && i < shape[0]; i += n) {
        n = shape[0] - i < piece ? shape[0] - i : piece;
        for (int64_t have = 0; st == CLR_OK && have < n * row;) {
            ssize_t got = pread(w->spool, buffer + have, (size_t)(n * row - have), (off_t)at);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                st = clr_fail(CLR_EIO, "%s: what was written cannot be read back: %s", w->path,
                              got ? strerror(errno) : "it is shorter than it was");
            have += got;
            at += got;
        }
        if (st == CLR_OK)
            st = clr_h5_rows_append(rows, buffer, n);
        punch(w->spool, 0, at); /* where the file system cannot punch holes, the space stays taken until the end */
    }
    clr_free(buffer);
    if (st != CLR_OK) {
        clr_h5_rows_drop(rows);
        return st;
    }
    return clr_h5_rows_end(rows);
}

static bool uniform(const clr_store_writer *w)
{
    for (int64_t i = 1; i < w->images; i++)
        if (memcmp(w->shapes, w->shapes + 3 * i, 3 * sizeof *w->shapes))
            return false;
    return !w->layout.encoded;
}

static uint64_t content(const clr_store_writer *w)
{
    uint64_t hash = clr_store_begin(w->layout.encoded, &w->layout.rules);

    for (int64_t i = 0; i < w->images; i++)
        hash = clr_store_fold(hash, (uint64_t)w->checksums[i], w->shapes + 3 * i, w->labels[i]);
    return hash;
}

static clr_status fill(const clr_store_writer *w, clr_h5 *file)
{
    int64_t n = w->images, s[4] = {n, w->shapes[0], w->shapes[1], w->shapes[2]};
    bool encoded = w->layout.encoded;
    char range[CLR_IMAGE_RANGE];
    clr_status st;

    if (uniform(w))
        st = pour(w, file, "/images", 4, s, s[1] * s[2] * s[3]);
    else if ((st = pour(w, file, encoded ? "/encoded" : "/pixels", 1, &w->bytes, 1)) == CLR_OK &&
             (st = clr_h5_write(file, "/offsets", CLR_H5_I64, 1, (int64_t[]){n + 1}, w->offsets)) == CLR_OK)
        st = clr_h5_write(file, "/shapes", CLR_H5_I32, 2, (int64_t[]){n, 3}, w->shapes);
    if (st == CLR_OK)
        st = clr_h5_write(file, "/checksums", CLR_H5_I64, 1, &n, w->checksums);
    if (st == CLR_OK && w->layout.classes)
        st = clr_h5_write(file, "/labels", CLR_H5_I32, 1, &n, w->labels);
    if (st == CLR_OK && w->layout.classes)
        st = clr_h5_write_texts(file, "/classes", w->layout.class_names, w->layout.classes);
    if (st == CLR_OK)
        st = clr_h5_write_texts(file, "/names", (const char *const *)w->names, n);
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "format", CLR_STORE_FORMAT);
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "store", encoded ? "encoded" : "pixels");
    if (st == CLR_OK && w->layout.rules.upright)
        st = clr_h5_set_text(file, "orientation", "apply");
    if (st == CLR_OK && (w->layout.rules.stretch || w->layout.rules.high)) {
        clr_image_range_text(&w->layout.rules, range);
        st = clr_h5_set_text(file, "range", range);
    }
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "simclr_version", PACKAGE_VERSION);
    return st == CLR_OK ? clr_h5_set_int(file, "content", (int64_t)content(w)) : st;
}

clr_status clr_store_commit(clr_store_writer *w)
{
    clr_h5 *file = NULL;
    clr_status st = w->images ? CLR_OK : clr_fail(CLR_EINPUT, "%s: there is no image to write", w->path);

    clr_h5_lock();
    if (st == CLR_OK && (st = clr_h5_create(w->path, &file)) == CLR_OK) {
        st = fill(w, file);
        st = clr_h5_end(file, st);
    }
    clr_h5_unlock();
    clr_store_abandon(w);
    return st;
}
