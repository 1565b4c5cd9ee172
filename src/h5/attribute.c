/* SPDX-License-Identifier: BSD-3-Clause */
/* Attributes of the root group, and reading those of datasets. */
#include "file.h"

#include "clr/mem.h"

#include <string.h>

static clr_status set_attribute(clr_h5 *file, const char *name, hid_t in_file, hid_t in_memory, const void *value)
{
    clr_h5_quiet();
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(file->id, name, in_file, space, H5P_DEFAULT, H5P_DEFAULT);
    clr_status st = attribute >= 0 && H5Awrite(attribute, in_memory, value) >= 0
                        ? CLR_OK
                        : clr_h5_fail(file, name, CLR_EIO, "this attribute cannot be written");
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    return st;
}

clr_status clr_h5_set_text(clr_h5 *file, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, strlen(text) + 1);
    H5Tset_cset(type, H5T_CSET_UTF8);
    clr_status st = set_attribute(file, name, type, type, text);
    H5Tclose(type);
    return st;
}

clr_status clr_h5_set_int(clr_h5 *file, const char *name, int64_t value)
{
    return set_attribute(file, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

clr_status clr_h5_set_real(clr_h5 *file, const char *name, double value)
{
    return set_attribute(file, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

static clr_status bad(clr_h5 *file, const char *where, const char *name, const char *why)
{
    char *whole = clr_text("%s%sattribute %s", where ? where : "", where ? ": " : "", name);
    clr_status st = clr_h5_fail(file, whole, CLR_EINPUT, why);

    clr_free(whole);
    return st;
}

/* An attribute of one element. Its type and count are claims of the file, and are checked before anything is read. */
static clr_status open_single(clr_h5 *file, hid_t object, const char *where, const char *name, hid_t *attribute)
{
    int64_t shape[CLR_H5_RANK], elements = 0;
    int rank;

    clr_h5_quiet();
    if (H5Aexists(object, name) <= 0)
        return bad(file, where, name, "is missing");
    *attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t space = *attribute < 0 ? -1 : H5Aget_space(*attribute);
    bool good = space >= 0 && clr_h5_extent(space, &rank, shape, &elements) && elements == 1;
    clr_status st = good ? CLR_OK : bad(file, where, name, space < 0 ? "cannot be opened" : "has not one value");
    if (space >= 0)
        H5Sclose(space);
    if (!good && *attribute >= 0)
        H5Aclose(*attribute);
    return st;
}

clr_status clr_h5_get_text(clr_h5 *file, const char *name, char **text)
{
    hid_t attribute;

    *text = NULL;
    clr_status st = open_single(file, file->id, NULL, name, &attribute);
    if (st != CLR_OK)
        return st;
    hid_t type = H5Aget_type(attribute);
    size_t size = H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 ? H5Tget_size(type) : 0;
    if (!size || size > (size_t)file->bytes)
        st = bad(file, NULL, name, "is not a text");
    else {
        char *block = clr_alloc(size + 1, 1);
        if (H5Aread(attribute, type, block) < 0) {
            st = bad(file, NULL, name, "cannot be read");
            clr_free(block);
        } else
            *text = block;
    }
    H5Tclose(type);
    H5Aclose(attribute);
    return st;
}

clr_status clr_h5_get_number(clr_h5 *file, hid_t object, const char *where, const char *name, clr_h5_type wanted,
                             void *value)
{
    hid_t attribute;
    clr_status st = open_single(file, object, where, name, &attribute);

    if (st != CLR_OK)
        return st;
    hid_t type = H5Aget_type(attribute);
    if (H5Tequal(type, clr_h5_stored(wanted)) <= 0)
        st = bad(file, where, name, "is not a number of the kind that it should be");
    else if (H5Aread(attribute, clr_h5_native(wanted), value) < 0)
        st = bad(file, where, name, "cannot be read");
    H5Tclose(type);
    H5Aclose(attribute);
    return st;
}

clr_status clr_h5_get_int(clr_h5 *file, const char *name, int64_t *value)
{
    return clr_h5_get_number(file, file->id, NULL, name, CLR_H5_I64, value);
}

clr_status clr_h5_get_real(clr_h5 *file, const char *name, double *value)
{
    return clr_h5_get_number(file, file->id, NULL, name, CLR_H5_F64, value);
}
