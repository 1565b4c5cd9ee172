/* SPDX-License-Identifier: BSD-3-Clause */
/* Datasets, written whole or row by row, each with a checksum of its bytes. */
#include "file.h"

#include "clr/hash.h"
#include "clr/mem.h"

#include <stdio.h>
#include <string.h>

struct clr_h5_rows {
    clr_h5 *file;
    char *name;
    hid_t dataset;
    clr_h5_type type;
    int rank;
    int64_t shape[CLR_H5_RANK], row_bytes, done;
    uint64_t hash;
    unsigned char left[8]; /* bytes not yet hashed: the hash takes eight at a time */
    int left_bytes;
};

/* The groups on the way to name. HDF5's own way of making them would store the time. */
static bool make_groups(clr_h5 *file, const char *name)
{
    char part[256];
    hid_t list = H5Pcreate(H5P_GROUP_CREATE), group = 0;

    H5Pset_obj_track_times(list, false);
    for (const char *slash = strchr(name + 1, '/'); slash && group >= 0; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        if (H5Lexists(file->id, part, H5P_DEFAULT) > 0)
            continue;
        group = H5Gcreate2(file->id, part, H5P_DEFAULT, list, H5P_DEFAULT);
        if (group >= 0)
            H5Gclose(group);
    }
    H5Pclose(list);
    return group >= 0;
}

/* A contiguous dataset, groups on the way made. */
static hid_t make(clr_h5 *file, const char *name, hid_t type, int rank, const int64_t *shape)
{
    hsize_t size[CLR_H5_RANK];

    if (!make_groups(file, name))
        return -1;

    for (int i = 0; i < rank; i++)
        size[i] = (hsize_t)shape[i];
    hid_t space = rank ? H5Screate_simple(rank, size, NULL) : H5Screate(H5S_SCALAR);
    hid_t create = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(create, false);
    H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
    hid_t dataset = H5Dcreate2(file->id, name, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
    H5Pclose(create);
    H5Sclose(space);
    return dataset;
}

static bool put_checksum(hid_t dataset, uint64_t hash)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(dataset, "checksum", H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_UINT64, &hash) >= 0;

    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    return good;
}

static clr_status write_all(clr_h5 *file, const char *name, hid_t in_file, hid_t in_memory, int rank,
                            const int64_t *shape, const void *data, size_t bytes)
{
    clr_h5_quiet();
    hid_t dataset = make(file, name, in_file, rank, shape);
    if (dataset < 0)
        return clr_h5_fail(file, name, CLR_EIO, "cannot be created");
    bool good = (!bytes || H5Dwrite(dataset, in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) &&
                put_checksum(dataset, clr_hash(CLR_HASH_START, data, bytes)) && !file->error;
    clr_status st = good ? CLR_OK : clr_h5_fail(file, name, CLR_EIO, "cannot be written");
    if (H5Dclose(dataset) < 0 && good)
        st = clr_h5_fail(file, name, CLR_EIO, "cannot be written");
    return st;
}

clr_status clr_h5_write(clr_h5 *file, const char *name, clr_h5_type type, int rank, const int64_t *shape,
                        const void *data)
{
    return write_all(file, name, clr_h5_stored(type), clr_h5_native(type), rank, shape, data,
                     (size_t)clr_h5_elements(rank, shape) * (size_t)clr_h5_width(type));
}

/* Texts are kept as strings of one length, padded with zeros, so that they are one plain block. */
clr_status clr_h5_write_texts(clr_h5 *file, const char *name, const char *const *texts, int64_t n)
{
    size_t longest = 1;

    for (int64_t i = 0; i < n; i++)
        longest = strlen(texts[i]) > longest ? strlen(texts[i]) : longest;
    char *block = CLR_NEW(char, (size_t)n *longest);
    for (int64_t i = 0; i < n; i++)
        memcpy(block + (size_t)i * longest, texts[i], strlen(texts[i]));
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, longest);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    clr_status st = write_all(file, name, type, type, 1, &n, block, (size_t)n * longest);
    H5Tclose(type);
    clr_free(block);
    return st;
}

clr_status clr_h5_rows_begin(clr_h5 *file, const char *name, clr_h5_type type, int rank, const int64_t *shape,
                             clr_h5_rows **out)
{
    clr_h5_quiet();
    *out = NULL;
    hid_t dataset = make(file, name, clr_h5_stored(type), rank, shape);
    if (dataset < 0)
        return clr_h5_fail(file, name, CLR_EIO, "cannot be created");
    clr_h5_rows *rows = CLR_NEW(clr_h5_rows, 1);
    *rows = (clr_h5_rows){.file = file,
                          .name = clr_copy_text(name),
                          .dataset = dataset,
                          .type = type,
                          .rank = rank,
                          .hash = CLR_HASH_START};
    memcpy(rows->shape, shape, (size_t)rank * sizeof *shape);
    rows->row_bytes = clr_h5_elements(rank - 1, shape + 1) * clr_h5_width(type);
    *out = rows;
    return CLR_OK;
}

static void feed(clr_h5_rows *rows, const unsigned char *data, size_t bytes)
{
    while (bytes && rows->left_bytes) {
        rows->left[rows->left_bytes++] = *data++;
        bytes--;
        if (rows->left_bytes == 8) {
            rows->hash = clr_hash(rows->hash, rows->left, 8);
            rows->left_bytes = 0;
        }
    }
    rows->hash = clr_hash(rows->hash, data, bytes / 8 * 8);
    if (bytes % 8) {
        memcpy(rows->left, data + bytes / 8 * 8, bytes % 8);
        rows->left_bytes = (int)(bytes % 8);
    }
}

clr_status clr_h5_rows_append(clr_h5_rows *rows, const void *data, int64_t n)
{
    hsize_t start[CLR_H5_RANK] = {(hsize_t)rows->done}, count[CLR_H5_RANK] = {(hsize_t)n};

    clr_h5_quiet();
    CLR_CHECK(rows->done + n <= rows->shape[0]);
    if (!n)
        return CLR_OK;
    for (int i = 1; i < rows->rank; i++)
        count[i] = (hsize_t)rows->shape[i];
    hid_t space = H5Dget_space(rows->dataset), memory = H5Screate_simple(rows->rank, count, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    bool good = H5Dwrite(rows->dataset, clr_h5_native(rows->type), memory, space, H5P_DEFAULT, data) >= 0;
    H5Sclose(space);
    H5Sclose(memory);
    if (!good || rows->file->error)
        return clr_h5_fail(rows->file, rows->name, CLR_EIO, "cannot be written");
    feed(rows, data, (size_t)(n * rows->row_bytes));
    rows->done += n;
    return CLR_OK;
}

void clr_h5_rows_drop(clr_h5_rows *rows)
{
    if (!rows)
        return;
    clr_h5_quiet();
    H5Dclose(rows->dataset);
    H5Eclear2(H5E_DEFAULT);
    clr_free(rows->name);
    clr_free(rows);
}

clr_status clr_h5_rows_end(clr_h5_rows *rows)
{
    clr_status st = CLR_OK;

    clr_h5_quiet();
    CLR_CHECK(rows->done == rows->shape[0]);
    uint64_t hash = rows->left_bytes ? clr_hash(rows->hash, rows->left, (size_t)rows->left_bytes) : rows->hash;
    if (!put_checksum(rows->dataset, hash) || rows->file->error)
        st = clr_h5_fail(rows->file, rows->name, CLR_EIO, "cannot be written");
    if (H5Dclose(rows->dataset) < 0 && st == CLR_OK)
        st = clr_h5_fail(rows->file, rows->name, CLR_EIO, "cannot be written");
    clr_free(rows->name);
    clr_free(rows);
    return st;
}
