/* HDF5 files: datasets with a checksum each, written under a temporary name and renamed when whole.

   HDF5's own error stack is silenced; its innermost entry and errno become part of our sentence. Object times are not
   stored, so equal contents are equal bytes. What the system refuses while writing is file->error, see driver.h. */
#include "clr/h5.h"

#include "driver.h"

#include "clr/hash.h"
#include "clr/mem.h"
#include "clr/output.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 22 }; /* bytes read at a time when verifying; a multiple of every element's size */

struct clr_h5 {
    hid_t id;
    char *path;
    clr_output output;      /* of a file being written */
    int error;              /* errno of the first write that failed */
};

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

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void clr_h5_lock(void)
{
    pthread_mutex_lock(&lock);
}

void clr_h5_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

const char *clr_h5_library(void)
{
    static char text[32];
    unsigned major, minor, release;

    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "HDF5 %u.%u.%u", major, minor, release);
    return text;
}

static hid_t native(clr_h5_type type)
{
    switch (type) {
    case CLR_H5_U8: return H5T_NATIVE_UINT8;
    case CLR_H5_I32: return H5T_NATIVE_INT32;
    case CLR_H5_I64: return H5T_NATIVE_INT64;
    case CLR_H5_U64: return H5T_NATIVE_UINT64;
    case CLR_H5_F32: return H5T_NATIVE_FLOAT;
    default: return H5T_NATIVE_DOUBLE;
    }
}

static hid_t stored(clr_h5_type type)
{
    switch (type) {
    case CLR_H5_U8: return H5T_STD_U8LE;
    case CLR_H5_I32: return H5T_STD_I32LE;
    case CLR_H5_I64: return H5T_STD_I64LE;
    case CLR_H5_U64: return H5T_STD_U64LE;
    case CLR_H5_F32: return H5T_IEEE_F32LE;
    default: return H5T_IEEE_F64LE;
    }
}

static int width(clr_h5_type type)
{
    return type == CLR_H5_U8 ? 1 : type == CLR_H5_I32 || type == CLR_H5_F32 ? 4 : 8;
}

static herr_t innermost(unsigned n, const H5E_error2_t *entry, void *into)
{
    (void)n;
    snprintf(into, 256, "%s", entry->desc ? entry->desc : "");
    return 1; /* the first one met is enough */
}

/* "PATH: NAME: what: HDF5's reason". */
static clr_status fail(const clr_h5 *file, const char *path, const char *name, clr_status st, const char *what)
{
    char reason[256] = "";
    bool refused = file && file->error;
    int error = refused ? file->error : errno;

    if (!refused)
        H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, reason);
    H5Eclear2(H5E_DEFAULT);
    if (file)
        path = file->path;
    bool system = refused || error == ENOSPC || error == EDQUOT || error == EFBIG || error == EROFS || error == EIO;
    return clr_fail(st, "%s: %s%s%s%s%s%s%s", path, name ? name : "", name ? ": " : "", what, *reason ? ": " : "", reason,
                    system ? ": " : "", system ? strerror(error) : "");
}

static void quiet(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    errno = 0;
}

static hid_t access_list(void)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);

    H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
    /* What any HDF5 since 1.8 reads; the format before it has no checksums over its own structures. */
    H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_V18);
#if (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0)) || H5_VERSION_GE(1, 12, 1)
    if (!getenv("HDF5_USE_FILE_LOCKING"))
        H5Pset_file_locking(list, false, true);
#endif
    return list;
}

static void release(clr_h5 *file)
{
    clr_free(file->path);
    clr_free(file);
}

clr_status clr_h5_create(const char *path, clr_h5 **out)
{
    clr_output output;
    clr_status st = clr_output_begin(path, &output);

    quiet();
    *out = NULL;
    if (st != CLR_OK)
        return st;
    clr_h5 *file = CLR_NEW(clr_h5, 1);
    hid_t create = H5Pcreate(H5P_FILE_CREATE), access = access_list();
    *file = (clr_h5){.path = clr_copy_text(path), .output = output};
    clr_h5_drive(access, &file->error);
    H5Pset_obj_track_times(create, false);
    file->id = H5Fcreate(file->output.temporary, H5F_ACC_TRUNC, create, access);
    H5Pclose(create);
    H5Pclose(access);
    if (file->id < 0) {
        st = fail(file, NULL, NULL, CLR_EIO, "cannot be created");
        clr_output_end(&file->output, false);
        release(file);
        return st;
    }
    *out = file;
    return CLR_OK;
}

static int sync_path(const char *path, int flags)
{
    int descriptor = open(path, flags);

    if (descriptor < 0)
        return errno;
    int error = fsync(descriptor) ? errno : 0;
    close(descriptor);
    return error == EINVAL ? 0 : error; /* file systems that cannot sync a folder */
}

clr_status clr_h5_commit(clr_h5 *file)
{
    clr_status st = CLR_OK;
    int error;

    quiet();
    if (H5Fclose(file->id) < 0 || file->error)
        st = fail(file, NULL, NULL, CLR_EIO, "cannot be written");
    if (st == CLR_OK && (error = sync_path(file->output.temporary, O_RDONLY)))
        st = clr_fail(CLR_EIO, "%s: cannot be brought to the disk: %s", file->path, strerror(error));
    char *slash = strrchr(file->output.target, '/');
    char *folder = slash ? clr_text("%.*s/", (int)(slash - file->output.target), file->output.target) : clr_copy_text(".");
    if ((error = clr_output_end(&file->output, st == CLR_OK)))
        st = clr_fail(CLR_EIO, "%s: cannot take its place: %s", file->path, strerror(error));
    if (st == CLR_OK && (error = sync_path(folder, O_RDONLY | O_DIRECTORY)))
        st = clr_fail(CLR_EIO, "%s: its folder cannot be brought to the disk: %s", file->path, strerror(error));
    clr_free(folder);
    H5Eclear2(H5E_DEFAULT);
    release(file);
    return st;
}

void clr_h5_discard(clr_h5 *file)
{
    if (!file)
        return;
    quiet();
    H5Fclose(file->id);
    H5Eclear2(H5E_DEFAULT);
    clr_output_end(&file->output, false);
    release(file);
}

clr_status clr_h5_open(const char *path, clr_h5 **out)
{
    quiet();
    *out = NULL;
    if (access(path, R_OK))
        return clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
    hid_t list = access_list(), id = H5Fopen(path, H5F_ACC_RDONLY, list);
    H5Pclose(list);
    if (id < 0) {
        errno = 0;
        return fail(NULL, path, NULL, CLR_EINPUT, "is not a whole HDF5 file");
    }
    clr_h5 *file = CLR_NEW(clr_h5, 1);
    *file = (clr_h5){.id = id, .path = clr_copy_text(path)};
    *out = file;
    return CLR_OK;
}

void clr_h5_close(clr_h5 *file)
{
    if (!file)
        return;
    quiet();
    H5Fclose(file->id);
    H5Eclear2(H5E_DEFAULT);
    release(file);
}

const char *clr_h5_path(const clr_h5 *file)
{
    return file->path;
}

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

static clr_status write_all(clr_h5 *file, const char *name, hid_t in_file, hid_t in_memory, int rank, const int64_t *shape,
                            const void *data, size_t bytes)
{
    quiet();
    hid_t dataset = make(file, name, in_file, rank, shape);
    if (dataset < 0)
        return fail(file, NULL, name, CLR_EIO, "cannot be created");
    bool good = (!bytes || H5Dwrite(dataset, in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) &&
                put_checksum(dataset, clr_hash(CLR_HASH_START, data, bytes)) && !file->error;
    clr_status st = good ? CLR_OK : fail(file, NULL, name, CLR_EIO, "cannot be written");
    if (H5Dclose(dataset) < 0 && good)
        st = fail(file, NULL, name, CLR_EIO, "cannot be written");
    return st;
}

static int64_t elements(int rank, const int64_t *shape)
{
    int64_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= shape[i];
    return n;
}

clr_status clr_h5_write(clr_h5 *file, const char *name, clr_h5_type type, int rank, const int64_t *shape, const void *data)
{
    return write_all(file, name, stored(type), native(type), rank, shape, data,
                     (size_t)elements(rank, shape) * (size_t)width(type));
}

/* Texts are kept as strings of one length, padded with zeros, so that they are one plain block. */
clr_status clr_h5_write_texts(clr_h5 *file, const char *name, const char *const *texts, int64_t n)
{
    size_t longest = 1;

    for (int64_t i = 0; i < n; i++)
        longest = strlen(texts[i]) > longest ? strlen(texts[i]) : longest;
    char *block = CLR_NEW(char, (size_t)n * longest);
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
    quiet();
    *out = NULL;
    hid_t dataset = make(file, name, stored(type), rank, shape);
    if (dataset < 0)
        return fail(file, NULL, name, CLR_EIO, "cannot be created");
    clr_h5_rows *rows = CLR_NEW(clr_h5_rows, 1);
    *rows = (clr_h5_rows){.file = file, .name = clr_copy_text(name), .dataset = dataset, .type = type, .rank = rank,
                          .hash = CLR_HASH_START};
    memcpy(rows->shape, shape, (size_t)rank * sizeof *shape);
    rows->row_bytes = elements(rank - 1, shape + 1) * width(type);
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

    quiet();
    CLR_CHECK(rows->done + n <= rows->shape[0]);
    if (!n)
        return CLR_OK;
    for (int i = 1; i < rows->rank; i++)
        count[i] = (hsize_t)rows->shape[i];
    hid_t space = H5Dget_space(rows->dataset), memory = H5Screate_simple(rows->rank, count, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    bool good = H5Dwrite(rows->dataset, native(rows->type), memory, space, H5P_DEFAULT, data) >= 0;
    H5Sclose(space);
    H5Sclose(memory);
    if (!good || rows->file->error)
        return fail(rows->file, NULL, rows->name, CLR_EIO, "cannot be written");
    feed(rows, data, (size_t)(n * rows->row_bytes));
    rows->done += n;
    return CLR_OK;
}

void clr_h5_rows_drop(clr_h5_rows *rows)
{
    if (!rows)
        return;
    quiet();
    H5Dclose(rows->dataset);
    H5Eclear2(H5E_DEFAULT);
    clr_free(rows->name);
    clr_free(rows);
}

clr_status clr_h5_rows_end(clr_h5_rows *rows)
{
    clr_status st = CLR_OK;

    quiet();
    CLR_CHECK(rows->done == rows->shape[0]);
    uint64_t hash = rows->left_bytes ? clr_hash(rows->hash, rows->left, (size_t)rows->left_bytes) : rows->hash;
    if (!put_checksum(rows->dataset, hash) || rows->file->error)
        st = fail(rows->file, NULL, rows->name, CLR_EIO, "cannot be written");
    if (H5Dclose(rows->dataset) < 0 && st == CLR_OK)
        st = fail(rows->file, NULL, rows->name, CLR_EIO, "cannot be written");
    clr_free(rows->name);
    clr_free(rows);
    return st;
}

bool clr_h5_has(clr_h5 *file, const char *name)
{
    bool there = true;

    quiet();
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

static clr_status open_dataset(clr_h5 *file, const char *name, hid_t *dataset)
{
    quiet();
    *dataset = -1;
    if (!clr_h5_has(file, name))
        return clr_fail(CLR_EINPUT, "%s: has no dataset %s", file->path, name);
    *dataset = H5Dopen2(file->id, name, H5P_DEFAULT);
    return *dataset < 0 ? fail(file, NULL, name, CLR_EINPUT, "cannot be opened") : CLR_OK;
}

/* Which of our types a dataset's is; texts and others are not any. */
static bool type_of(hid_t dataset, clr_h5_type *type)
{
    bool found = false;
    hid_t have = H5Dget_type(dataset);

    for (int t = CLR_H5_U8; t <= CLR_H5_F64 && !found; t++)
        if (H5Tequal(have, stored((clr_h5_type)t)) > 0) {
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
        return fail(file, NULL, name, CLR_EINPUT, "has a shape that is not understood");
    if (type && !type_of(dataset, type))
        return fail(file, NULL, name, CLR_EINPUT, "has a type that is not understood");
    for (int i = 0; i < CLR_H5_RANK; i++)
        shape[i] = i < n ? (int64_t)size[i] : 1;
    if (rank)
        *rank = n;
    return CLR_OK;
}

clr_status clr_h5_shape(clr_h5 *file, const char *name, clr_h5_type *type, int *rank, int64_t *shape)
{
    hid_t dataset;
    clr_status st = open_dataset(file, name, &dataset);

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
    clr_status st = open_dataset(file, name, dataset);

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
    if (elements(CLR_H5_RANK, shape) != count)
        st = clr_fail(CLR_EINPUT, "%s: %s holds %lld values, not %lld", file->path, name,
                      (long long)elements(CLR_H5_RANK, shape), (long long)count);
    else if (count && H5Dread(dataset, native(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        st = fail(file, NULL, name, CLR_EINPUT, "cannot be read");
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
        if (H5Dread(dataset, native(type), memory, space, H5P_DEFAULT, data) < 0)
            st = fail(file, NULL, name, CLR_EINPUT, "cannot be read");
        H5Sclose(space);
        H5Sclose(memory);
    }
    H5Dclose(dataset);
    return st;
}

clr_status clr_h5_offset(clr_h5 *file, const char *name, int64_t *offset)
{
    hid_t dataset;
    clr_status st = open_dataset(file, name, &dataset);

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
    clr_status st = open_dataset(file, name, &dataset);

    if (st != CLR_OK)
        return st;
    type = H5Dget_type(dataset);
    size_t length = H5Tget_size(type);
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0 || !length)
        st = clr_fail(CLR_EINPUT, "%s: %s does not hold texts of one length", file->path, name);
    else
        st = shape_of(file, name, dataset, NULL, NULL, shape);
    if (st == CLR_OK) {
        *n = elements(CLR_H5_RANK, shape);
        block = CLR_NEW(char, (size_t)*n * length);
        if (*n && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, block) < 0)
            st = fail(file, NULL, name, CLR_EINPUT, "cannot be read");
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

clr_status clr_h5_list(clr_h5 *file, const char *group, char ***names, int64_t *n)
{
    listing list = {.prefix = group};

    quiet();
    *names = NULL;
    *n = 0;
    hid_t id = H5Gopen2(file->id, group, H5P_DEFAULT);
    if (id < 0)
        return fail(file, NULL, group, CLR_EINPUT, "cannot be opened");
    herr_t outcome = H5Lvisit(id, H5_INDEX_NAME, H5_ITER_INC, visit, &list);
    clr_status st = outcome < 0 ? fail(file, NULL, group, CLR_EINPUT, "cannot be listed") : CLR_OK;
    H5Gclose(id);
    if (st == CLR_OK) {
        *names = list.names;
        *n = list.n;
        return CLR_OK;
    }
    for (int64_t i = 0; i < list.n; i++)
        clr_free(list.names[i]);
    clr_free(list.names);
    return st;
}

static clr_status set_attribute(clr_h5 *file, const char *name, hid_t in_file, hid_t in_memory, const void *value)
{
    quiet();
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(file->id, name, in_file, space, H5P_DEFAULT, H5P_DEFAULT);
    clr_status st = attribute >= 0 && H5Awrite(attribute, in_memory, value) >= 0
                        ? CLR_OK
                        : fail(file, NULL, name, CLR_EIO, "this attribute cannot be written");
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
    quiet();
    if (H5Aexists(file->id, name) <= 0) {
        H5Eclear2(H5E_DEFAULT);
        return clr_fail(CLR_EINPUT, "%s: has no attribute %s", file->path, name);
    }
    *attribute = H5Aopen(file->id, name, H5P_DEFAULT);
    return *attribute < 0 ? fail(file, NULL, name, CLR_EINPUT, "this attribute cannot be opened") : CLR_OK;
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
            st = fail(file, NULL, name, CLR_EINPUT, "this attribute cannot be read");
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
        st = fail(file, NULL, name, CLR_EINPUT, "this attribute is not a number");
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

/* The bytes of a dataset in pieces of whole rows of its flattened form. */
static clr_status sum_dataset(clr_h5 *file, const char *name, hid_t dataset, uint64_t *hash)
{
    hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    size_t size = H5Tget_size(type);
    hssize_t points = H5Sget_simple_extent_npoints(space);
    clr_status st = CLR_OK;

    *hash = CLR_HASH_START;
    H5Sclose(space);
    if (points < 0 || !size) {
        H5Tclose(type);
        return fail(file, NULL, name, CLR_EINPUT, "cannot be read");
    }
    uint64_t bytes = (uint64_t)points * size;
    haddr_t at = H5Dget_offset(dataset);
    if (bytes && at == HADDR_UNDEF)
        st = clr_fail(CLR_EINPUT, "%s: %s is not stored in one piece", file->path, name);
    else if (bytes) {
        FILE *raw = fopen(file->path, "rb");
        char *piece = CLR_NEW(char, bytes < PIECE ? bytes : PIECE);
        bool good = raw && !fseeko(raw, (off_t)at, SEEK_SET);
        for (uint64_t done = 0; done < bytes && good;) {
            size_t n = bytes - done < PIECE ? (size_t)(bytes - done) : PIECE;
            good = fread(piece, 1, n, raw) == n;
            *hash = clr_hash(*hash, piece, good ? n : 0);
            done += n;
        }
        if (!good)
            st = clr_fail(CLR_EINPUT, "%s: %s cannot be read to its end", file->path, name);
        if (raw)
            fclose(raw);
        clr_free(piece);
    }
    H5Tclose(type);
    return st;
}

bool clr_h5_has_checksum(clr_h5 *file, const char *name)
{
    quiet();
    bool has = H5Aexists_by_name(file->id, name, "checksum", H5P_DEFAULT) > 0;
    H5Eclear2(H5E_DEFAULT);
    return has;
}

clr_status clr_h5_checksum(clr_h5 *file, const char *name, uint64_t *checksum)
{
    hid_t dataset, attribute = -1;
    uint64_t want = 0;
    clr_status st = open_dataset(file, name, &dataset);

    if (st != CLR_OK)
        return st;
    if (H5Aexists(dataset, "checksum") <= 0 || (attribute = H5Aopen(dataset, "checksum", H5P_DEFAULT)) < 0 ||
        H5Aread(attribute, H5T_NATIVE_UINT64, &want) < 0)
        st = fail(file, NULL, name, CLR_EINPUT, "has no checksum");
    if (attribute >= 0)
        H5Aclose(attribute);
    if (st == CLR_OK)
        st = sum_dataset(file, name, dataset, checksum);
    if (st == CLR_OK && *checksum != want)
        st = clr_fail(CLR_EINPUT, "%s: %s is damaged: its checksum is %016llx, not %016llx", file->path, name,
                      (unsigned long long)*checksum, (unsigned long long)want);
    H5Dclose(dataset);
    return st;
}

clr_status clr_h5_verify(clr_h5 *file, const char *name)
{
    uint64_t checksum;
    char **names;
    int64_t n;

    if (name)
        return clr_h5_checksum(file, name, &checksum);
    clr_status st = clr_h5_list(file, "/", &names, &n);
    if (st != CLR_OK)
        return st;
    for (int64_t i = 0; i < n; i++) {
        if (st == CLR_OK)
            st = clr_h5_checksum(file, names[i], &checksum);
        clr_free(names[i]);
    }
    clr_free(names);
    return st;
}
