/* SPDX-License-Identifier: BSD-3-Clause */
/* Datasets, read past HDF5: they lie in one piece, of exactly our types, so that their bytes are what the caller
   gets. */
#include "file.h"

#include "clr/hash.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 1 << 30 }; /* bytes a system call takes with certainty */

clr_status clr_h5_bytes(clr_h5 *file, const char *name, int64_t at, int64_t bytes, void *data)
{
    while (bytes) {
        ssize_t n = pread(file->descriptor, data, (size_t)clr_min64(bytes, MOST), (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            file->error = n ? errno : ENODATA; /* the file became shorter after it was opened */
            return clr_h5_fail(file, name, CLR_EIO, "cannot be read");
        }
        data = (char *)data + n;
        at += n;
        bytes -= n;
    }
    return CLR_OK;
}

clr_status clr_h5_shape(clr_h5 *file, const char *name, clr_h5_type *type, int *rank, int64_t *shape)
{
    clr_h5_block b;
    clr_status st = clr_h5_find(file, name, &b);

    if (st != CLR_OK)
        return st;
    if (type && b.text)
        return clr_fail(CLR_EINPUT, "%s: %s holds texts, not numbers", file->path, name);
    if (type)
        *type = b.type;
    if (rank)
        *rank = b.rank;
    memcpy(shape, b.shape, sizeof b.shape);
    return CLR_OK;
}

static clr_status check_count(clr_h5 *file, const char *name, const clr_h5_block *b, int64_t count)
{
    return b->elements == count ? CLR_OK
                                : clr_fail(CLR_EINPUT, "%s: %s holds %lld values, not %lld", file->path, name,
                                           (long long)b->elements, (long long)count);
}

clr_status clr_h5_read(clr_h5 *file, const char *name, clr_h5_type type, int64_t count, void *data)
{
    clr_h5_block b;
    clr_status st = clr_h5_find_typed(file, name, type, &b);

    if (st == CLR_OK)
        st = check_count(file, name, &b, count);
    return st == CLR_OK ? clr_h5_bytes(file, name, b.at, b.bytes, data) : st;
}

clr_status clr_h5_read_rows(clr_h5 *file, const char *name, clr_h5_type type, int64_t first, int64_t n, void *data)
{
    clr_h5_block b;
    clr_status st = clr_h5_find_typed(file, name, type, &b);

    if (st != CLR_OK)
        return st;
    if (b.rank < 1 || first < 0 || n < 0 || first > b.shape[0] || n > b.shape[0] - first)
        return clr_fail(CLR_EINPUT, "%s: %s has %lld rows, not %lld", file->path, name,
                        b.rank < 1 ? 0LL : (long long)b.shape[0], (long long)(first + n));
    int64_t row = b.elements ? b.bytes / b.shape[0] : 0;
    return clr_h5_bytes(file, name, b.at + first * row, n * row, data);
}

clr_status clr_h5_offset(clr_h5 *file, const char *name, int64_t *offset)
{
    clr_h5_block b;
    clr_status st = clr_h5_find(file, name, &b);

    *offset = st == CLR_OK ? b.at : 0;
    return st;
}

/* A sparse file may still claim more than the memory, because holes take no room on the disk. */
static clr_status fits(clr_h5 *file, const char *name, double bytes)
{
    enum { SMALL = 1 << 26 };

    if (bytes <= SMALL || bytes < (double)clr_memory_available())
        return CLR_OK;
    return clr_fail(CLR_EMEMORY, "%s: %s takes %.1f GB of memory, and %.1f GB are there", file->path, name,
                    bytes * 1e-9, (double)clr_memory_available() * 1e-9);
}

clr_status clr_h5_load(clr_h5 *file, const char *name, clr_h5_type type, int64_t count, void *data)
{
    clr_h5_block b;
    void **into = data;
    uint64_t want;
    clr_status st = clr_h5_find_typed(file, name, type, &b);

    *into = NULL;
    if (st == CLR_OK)
        st = check_count(file, name, &b, count);
    if (st == CLR_OK)
        st = clr_h5_stored_checksum(file, name, &want);
    if (st == CLR_OK)
        st = fits(file, name, (double)b.bytes);
    if (st != CLR_OK)
        return st;
    *into = clr_alloc((size_t)b.bytes, 1);
    st = clr_h5_bytes(file, name, b.at, b.bytes, *into);
    if (st == CLR_OK)
        st = clr_h5_compare(file, name, clr_hash(CLR_HASH_START, *into, (size_t)b.bytes), want);
    if (st != CLR_OK) {
        clr_free(*into);
        *into = NULL;
    }
    return st;
}

clr_status clr_h5_read_texts(clr_h5 *file, const char *name, char ***texts, int64_t *n)
{
    enum { OVERHEAD = 128 }; /* bytes, at most, of a text of its own beside its letters */
    clr_h5_block b;
    clr_status st = clr_h5_find(file, name, &b);

    *texts = NULL;
    *n = 0;
    if (st == CLR_OK && !b.text)
        st = clr_fail(CLR_EINPUT, "%s: %s does not hold texts of one length", file->path, name);
    if (st == CLR_OK)
        st = fits(file, name, 2 * (double)b.bytes + (double)b.elements * OVERHEAD);
    if (st != CLR_OK)
        return st;
    char *block = clr_alloc((size_t)b.bytes, 1);
    st = clr_h5_bytes(file, name, b.at, b.bytes, block);
    if (st == CLR_OK) {
        *n = b.elements;
        *texts = CLR_NEW(char *, *n);
    }
    for (int64_t i = 0; i < *n; i++) {
        size_t length = strnlen(block + i * b.width, (size_t)b.width);
        (*texts)[i] = clr_alloc(length + 1, 1);
        memcpy((*texts)[i], block + i * b.width, length);
    }
    clr_free(block);
    return st;
}
