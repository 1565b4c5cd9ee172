/* Attributes of the root group. */
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

static clr_status open_attribute(clr_h5 *file, const char *name, hid_t *attribute)
{
    clr_h5_quiet();
    if (H5Aexists(file->id, name) <= 0) {
        H5Eclear2(H5E_DEFAULT);
        return clr_fail(CLR_EINPUT, "%s: has no attribute %s", file->path, name);
    }
    *attribute = H5Aopen(file->id, name, H5P_DEFAULT);
    return *attribute < 0 ? clr_h5_fail(file, name, CLR_EINPUT, "this attribute cannot be opened") : CLR_OK;
}

clr_status clr_h5_get_text(clr_h5 *file, const char *name, char **text)
{
    hid_t attribute = -1;
    clr_status st = open_attribute(file, name, &attribute);

    *text = NULL;
    if (st != CLR_OK)
        return st;
    hid_t type = H5Aget_type(attribute);
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0)
        st = clr_fail(CLR_EINPUT, "%s: attribute %s is not a text", file->path, name);
    else {
        char *block = clr_alloc(H5Tget_size(type) + 1, 1);
        if (H5Aread(attribute, type, block) < 0) {
            st = clr_h5_fail(file, name, CLR_EINPUT, "this attribute cannot be read");
            clr_free(block);
        } else
            *text = block;
    }
    H5Tclose(type);
    H5Aclose(attribute);
    return st;
}

static clr_status get_number(clr_h5 *file, const char *name, hid_t in_memory, void *value)
{
    hid_t attribute = -1;
    clr_status st = open_attribute(file, name, &attribute);

    if (st != CLR_OK)
        return st;
    hid_t space = H5Aget_space(attribute);
    bool scalar = H5Sget_simple_extent_npoints(space) == 1;
    H5Sclose(space);
    if (!scalar || H5Aread(attribute, in_memory, value) < 0)
        st = clr_h5_fail(file, name, CLR_EINPUT, "this attribute is not a number");
    H5Aclose(attribute);
    return st;
}

clr_status clr_h5_get_int(clr_h5 *file, const char *name, int64_t *value)
{
    return get_number(file, name, H5T_NATIVE_INT64, value);
}

clr_status clr_h5_get_real(clr_h5 *file, const char *name, double *value)
{
    return get_number(file, name, H5T_NATIVE_DOUBLE, value);
}
