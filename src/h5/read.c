/* Datasets, read with care: what a file claims is checked before it is used. */
#include "file.h"

#include "clr/mem.h"

#include <stdlib.h>
#include <string.h>

bool clr_h5_has(clr_h5 *file, const char *name)
{
    bool there = true;

    clr_h5_quiet();
    for (const char *slash = strchr(name + (*name == '/'), '/'); there; slash = strchr(slash + 1, '/')) {
        char *part = slash ? clr_text("%.*s", (int)(slash - name), name) : clr_copy_text(name);
        there = H5Lexists(file->id, part, H5P_DEFAULT) > 0;
        clr_free(part);
        if (!slash)
            break;
    }
    H5Eclear2(H5E_DEFAULT);
    return there;
}

clr_status clr_h5_open_dataset(clr_h5 *file, const char *name, hid_t *dataset)
{
    clr_h5_quiet();
    *dataset = -1;
    if (!clr_h5_has(file, name))
        return clr_fail(CLR_EINPUT, "%s: has no dataset %s", file->path, name);
    *dataset = H5Dopen2(file->id, name, H5P_DEFAULT);
    return *dataset < 0 ? clr_h5_fail(file, name, CLR_EINPUT, "cannot be opened") : CLR_OK;
}

/* Which of our types a dataset's is; texts and others are not any. */
static bool type_of(hid_t dataset, clr_h5_type *type)
{
    bool found = false;
    hid_t have = H5Dget_type(dataset);

    for (int t = CLR_H5_U8; t <= CLR_H5_F64 && !found; t++)
        if (H5Tequal(have, clr_h5_stored((clr_h5_type)t)) > 0) {
            *type = (clr_h5_type)t;
            found = true;
        }
    H5Tclose(have);
    return found;
}

static clr_status shape_of(clr_h5 *file, const char *name, hid_t dataset, clr_h5_type *type, int *rank, int64_t *shape)
{
    hsize_t size[H5S_MAX_RANK];
    hid_t space = H5Dget_space(dataset);
    int n = space < 0 ? -1 : H5Sget_simple_extent_dims(space, size, NULL);

    if (space >= 0)
        H5Sclose(space);
    if (n < 0 || n > CLR_H5_RANK)
        return clr_h5_fail(file, name, CLR_EINPUT, "has a shape that is not understood");
    if (type && !type_of(dataset, type))
        return clr_h5_fail(file, name, CLR_EINPUT, "has a type that is not understood");
    for (int i = 0; i < CLR_H5_RANK; i++)
        shape[i] = i < n ? (int64_t)size[i] : 1;
    if (rank)
        *rank = n;
    return CLR_OK;
}

clr_status clr_h5_shape(clr_h5 *file, const char *name, clr_h5_type *type, int *rank, int64_t *shape)
{
    hid_t dataset;
    clr_status st = clr_h5_open_dataset(file, name, &dataset);

    if (st != CLR_OK)
        return st;
    st = shape_of(file, name, dataset, type, rank, shape);
    H5Dclose(dataset);
    return st;
}

/* Opens a dataset and makes sure of its type. */
static clr_status open_typed(clr_h5 *file, const char *name, clr_h5_type type, hid_t *dataset, int *rank, int64_t *shape)
{
    static const char *const names[] = {"uint8", "int32", "int64", "uint64", "float32", "float64"};
    clr_h5_type have;
    clr_status st = clr_h5_open_dataset(file, name, dataset);

    if (st == CLR_OK)
        st = shape_of(file, name, *dataset, &have, rank, shape);
    if (st == CLR_OK && have != type)
        st = clr_fail(CLR_EINPUT, "%s: %s holds %s, not %s", file->path, name, names[have], names[type]);
    if (st != CLR_OK && *dataset >= 0)
        H5Dclose(*dataset);
    return st;
}

clr_status clr_h5_read(clr_h5 *file, const char *name, clr_h5_type type, int64_t count, void *data)
{
    hid_t dataset;
    int rank;
    int64_t shape[CLR_H5_RANK];
    clr_status st = open_typed(file, name, type, &dataset, &rank, shape);

    if (st != CLR_OK)
        return st;
    if (clr_h5_elements(CLR_H5_RANK, shape) != count)
        st = clr_fail(CLR_EINPUT, "%s: %s holds %lld values, not %lld", file->path, name,
                      (long long)clr_h5_elements(CLR_H5_RANK, shape), (long long)count);
    else if (count && H5Dread(dataset, clr_h5_native(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        st = clr_h5_fail(file, name, CLR_EINPUT, "cannot be read");
    H5Dclose(dataset);
    return st;
}

clr_status clr_h5_read_rows(clr_h5 *file, const char *name, clr_h5_type type, int64_t first, int64_t n, void *data)
{
    hid_t dataset;
    int rank;
    int64_t shape[CLR_H5_RANK];
    clr_status st = open_typed(file, name, type, &dataset, &rank, shape);

    if (st != CLR_OK)
        return st;
    if (rank < 1 || first < 0 || n < 0 || first + n > shape[0])
        st = clr_fail(CLR_EINPUT, "%s: %s has %lld rows, not %lld", file->path, name, rank < 1 ? 0LL : (long long)shape[0],
                      (long long)(first + n));
    else if (n) {
        hsize_t start[CLR_H5_RANK] = {(hsize_t)first}, count[CLR_H5_RANK] = {(hsize_t)n};
        for (int i = 1; i < rank; i++)
            count[i] = (hsize_t)shape[i];
        hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(rank, count, NULL);
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
        if (H5Dread(dataset, clr_h5_native(type), memory, space, H5P_DEFAULT, data) < 0)
            st = clr_h5_fail(file, name, CLR_EINPUT, "cannot be read");
        H5Sclose(space);
        H5Sclose(memory);
    }
    H5Dclose(dataset);
    return st;
}

clr_status clr_h5_offset(clr_h5 *file, const char *name, int64_t *offset)
{
    hid_t dataset;
    clr_status st = clr_h5_open_dataset(file, name, &dataset);

    if (st != CLR_OK)
        return st;
    haddr_t at = H5Dget_offset(dataset);
    H5Dclose(dataset);
    if (at == HADDR_UNDEF)
        return clr_fail(CLR_EINPUT, "%s: %s is not stored in one piece", file->path, name);
    *offset = (int64_t)at;
    return CLR_OK;
}

clr_status clr_h5_read_texts(clr_h5 *file, const char *name, char ***texts, int64_t *n)
{
    hid_t dataset, type;
    int64_t shape[CLR_H5_RANK];
    char *block = NULL;
    clr_status st = clr_h5_open_dataset(file, name, &dataset);

    if (st != CLR_OK)
        return st;
    type = H5Dget_type(dataset);
    size_t length = H5Tget_size(type);
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0 || !length)
        st = clr_fail(CLR_EINPUT, "%s: %s does not hold texts of one length", file->path, name);
    else
        st = shape_of(file, name, dataset, NULL, NULL, shape);
    if (st == CLR_OK) {
        *n = clr_h5_elements(CLR_H5_RANK, shape);
        block = CLR_NEW(char, (size_t)*n * length);
        if (*n && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, block) < 0)
            st = clr_h5_fail(file, name, CLR_EINPUT, "cannot be read");
    }
    if (st == CLR_OK) {
        *texts = CLR_NEW(char *, *n);
        for (int64_t i = 0; i < *n; i++) {
            char *at = block + (size_t)i * length;
            (*texts)[i] = clr_text("%.*s", (int)strnlen(at, length), at);
        }
    }
    clr_free(block);
    H5Tclose(type);
    H5Dclose(dataset);
    return st;
}

typedef struct listing {
    const char *prefix;
    char **names;
    int64_t n, room;
} listing;

static herr_t visit(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    listing *list = context;
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);

    (void)info;
    if (object < 0)
        return -1;
    if (H5Iget_type(object) == H5I_DATASET) {
        if (list->n == list->room) {
            list->room = 2 * list->room + 64;
            char **larger = CLR_NEW(char *, list->room);
            if (list->n)
                memcpy(larger, list->names, (size_t)list->n * sizeof *larger);
            clr_free(list->names);
            list->names = larger;
        }
        list->names[list->n++] = clr_text("%s%s%s", list->prefix, strcmp(list->prefix, "/") ? "/" : "", name);
    }
    H5Oclose(object);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

clr_status clr_h5_list(clr_h5 *file, const char *group, char ***names, int64_t *n)
{
    listing list = {.prefix = group};

    clr_h5_quiet();
    *names = NULL;
    *n = 0;
    hid_t id = H5Gopen2(file->id, group, H5P_DEFAULT);
    if (id < 0)
        return clr_h5_fail(file, group, CLR_EINPUT, "cannot be opened");
    /* In no order: sorting a damaged group, HDF5 1.10 frees what it never filled, and crashes. */
    herr_t outcome = H5Lvisit(id, H5_INDEX_NAME, H5_ITER_NATIVE, visit, &list);
    clr_status st = outcome < 0 ? clr_h5_fail(file, group, CLR_EINPUT, "cannot be listed") : CLR_OK;
    H5Gclose(id);
    if (st == CLR_OK) {
        if (list.n)
            qsort(list.names, (size_t)list.n, sizeof *list.names, by_name);
        *names = list.names;
        *n = list.n;
        return CLR_OK;
    }
    for (int64_t i = 0; i < list.n; i++)
        clr_free(list.names[i]);
    clr_free(list.names);
    return st;
}
