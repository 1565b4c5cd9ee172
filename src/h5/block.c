/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of what a file claims about its datasets, made once for all readers. */
#include "file.h"

#include "clr/mem.h"

#include <string.h>

bool clr_h5_extent(hid_t space, int *rank, int64_t *shape, int64_t *elements)
{
    hsize_t size[H5S_MAX_RANK];
    H5S_class_t kind = H5Sget_simple_extent_type(space);
    int n = kind == H5S_SCALAR ? 0 : kind == H5S_SIMPLE ? H5Sget_simple_extent_dims(space, size, NULL) : -1;

    *elements = 1;
    if (n < 0 || n > CLR_H5_RANK)
        return false;
    for (int i = 0; i < CLR_H5_RANK; i++) {
        if (i < n && size[i] > INT64_MAX)
            return false;
        shape[i] = i < n ? (int64_t)size[i] : 1;
        if (__builtin_mul_overflow(*elements, shape[i], elements))
            return false;
    }
    *rank = n;
    return true;
}

enum { ABSENT, LINK, THERE };

/* Every link on the way to name, which begins with '/'. */
static int walk(clr_h5 *file, const char *name)
{
    int found = THERE;

    clr_h5_quiet();
    for (const char *slash = strchr(name + 1, '/'); found == THERE; slash = strchr(slash + 1, '/')) {
        char *part = slash ? clr_text("%.*s", (int)(slash - name), name) : clr_copy_text(name);
        H5L_info_t link;
        if (H5Lexists(file->id, part, H5P_DEFAULT) <= 0 || H5Lget_info(file->id, part, &link, H5P_DEFAULT) < 0)
            found = ABSENT;
        else if (link.type != H5L_TYPE_HARD)
            found = LINK;
        clr_free(part);
        if (!slash)
            break;
    }
    clr_h5_note(file);
    return found;
}

bool clr_h5_has(clr_h5 *file, const char *name)
{
    return walk(file, name) != ABSENT;
}

clr_status clr_h5_reach(clr_h5 *file, const char *name)
{
    int found = walk(file, name);

    if (found != THERE && file->error)
        return clr_h5_fail(file, name, CLR_EIO, "cannot be read");
    if (found == LINK)
        return clr_fail(CLR_EINPUT, "%s: %s is a link that leads elsewhere; only what lies in the file itself is read",
                        file->path, name);
    return found == THERE ? CLR_OK : clr_fail(CLR_EINPUT, "%s: has no dataset %s", file->path, name);
}

clr_status clr_h5_open_dataset(clr_h5 *file, const char *name, hid_t *dataset)
{
    clr_status st = clr_h5_reach(file, name);

    *dataset = -1;
    if (st != CLR_OK)
        return st;
    clr_h5_quiet();
    *dataset = H5Dopen2(file->id, name, H5P_DEFAULT);
    return *dataset < 0 ? clr_h5_fail(file, name, CLR_EINPUT, "cannot be opened") : CLR_OK;
}

/* Numbers must be exactly one of our types; texts may have any length. */
static bool type_of(hid_t dataset, clr_h5_block *b)
{
    hid_t have = H5Dget_type(dataset);
    bool found = false;

    b->text = have >= 0 && H5Tget_class(have) == H5T_STRING && H5Tis_variable_str(have) == 0;
    for (int t = CLR_H5_U8; t <= CLR_H5_F64 && have >= 0 && !found; t++)
        if ((found = H5Tequal(have, clr_h5_stored((clr_h5_type)t)) > 0))
            b->type = (clr_h5_type)t;
    size_t size = b->text ? H5Tget_size(have) : found ? (size_t)clr_h5_width(b->type) : 0;
    b->width = size < INT64_MAX ? (int64_t)size : 0;
    if (have >= 0)
        H5Tclose(have);
    return b->width > 0;
}

/* Whether a dataset without a place in the file needs none. This is asked before its dataspace, because HDF5 then
   opens the files that a virtual dataset names. */
static bool contiguous(hid_t dataset)
{
    hid_t list = H5Dget_create_plist(dataset);
    bool good = list >= 0 && H5Pget_layout(list) == H5D_CONTIGUOUS && H5Pget_external_count(list) == 0;

    if (list >= 0)
        H5Pclose(list);
    return good;
}

clr_status clr_h5_block_of(clr_h5 *file, const char *name, hid_t dataset, clr_h5_block *b)
{
    *b = (clr_h5_block){0};
    clr_h5_quiet();
    haddr_t at = H5Dget_offset(dataset);
    if (at == HADDR_UNDEF && !contiguous(dataset))
        return clr_h5_fail(file, name, CLR_EINPUT,
                           "is not stored in one piece in this file (in chunks, compressed, or elsewhere)");
    if (!type_of(dataset, b))
        return clr_h5_fail(file, name, CLR_EINPUT, "has a type that is not understood");
    hid_t space = H5Dget_space(dataset);
    bool good = space >= 0 && clr_h5_extent(space, &b->rank, b->shape, &b->elements);
    if (space >= 0)
        H5Sclose(space);
    if (!good)
        return clr_h5_fail(file, name, CLR_EINPUT, "has a shape that is not understood");
    if (!b->elements)
        return CLR_OK;
    if (__builtin_mul_overflow(b->elements, b->width, &b->bytes) || at > (haddr_t)file->bytes ||
        b->bytes > file->bytes - (int64_t)at)
        return clr_fail(CLR_EINPUT, "%s: %s is said to have %lld elements of %lld bytes, which are not in the file",
                        file->path, name, (long long)b->elements, (long long)b->width);
    b->at = (int64_t)at;
    return CLR_OK;
}

clr_status clr_h5_find(clr_h5 *file, const char *name, clr_h5_block *b)
{
    hid_t dataset;
    clr_status st = clr_h5_open_dataset(file, name, &dataset);

    if (st != CLR_OK)
        return st;
    st = clr_h5_block_of(file, name, dataset, b);
    H5Dclose(dataset);
    return st;
}

clr_status clr_h5_find_typed(clr_h5 *file, const char *name, clr_h5_type type, clr_h5_block *b)
{
    static const char *const names[] = {"uint8", "int32", "int64", "uint64", "float32", "float64"};
    clr_status st = clr_h5_find(file, name, b);

    if (st == CLR_OK && (b->text || b->type != type))
        st = clr_fail(CLR_EINPUT, "%s: %s holds %s, not %s", file->path, name, b->text ? "texts" : names[b->type],
                      names[type]);
    return st;
}
