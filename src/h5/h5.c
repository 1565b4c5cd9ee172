/* SPDX-License-Identifier: BSD-3-Clause */
/* HDF5 files: written under a temporary name and renamed when whole.

   HDF5's own error stack is silenced; its innermost entry becomes part of our sentence. Object times are not stored, so
   equal contents are equal bytes. What the system refuses is file->error, see driver.h. */
#include "driver.h"
#include "file.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

    clr_h5_quiet();
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "HDF5 %u.%u.%u", major, minor, release);
    return text;
}

hid_t clr_h5_native(clr_h5_type type)
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

hid_t clr_h5_stored(clr_h5_type type)
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

int clr_h5_width(clr_h5_type type)
{
    return type == CLR_H5_U8 ? 1 : type == CLR_H5_I32 || type == CLR_H5_F32 ? 4 : 8;
}

static herr_t innermost(unsigned n, const H5E_error2_t *entry, void *into)
{
    (void)n;
    snprintf(into, 256, "%s", entry->desc ? entry->desc : "");
    return 1; /* the first one met is enough */
}

void clr_h5_quiet(void)
{
    /* Every file is closed; what HDF5 does at exit crashes, or never ends, once memory was refused to it. */
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    errno = 0;
}

void clr_h5_note(clr_h5 *file)
{
    if (!file->error && errno == ENOMEM) /* HDF5's own: the driver notes what it is refused */
        file->error = ENOMEM;
    H5Eclear2(H5E_DEFAULT);
}

static _Thread_local int last_error; /* of the last refusal told */

static clr_status refused(const char *path, const char *name, const char *what, int error)
{
    last_error = error;
    return clr_fail(CLR_EIO, "%s: %s%s%s: %s", path, name ? name : "", name ? ": " : "", what, strerror(error));
}

clr_status clr_h5_fail(clr_h5 *file, const char *name, clr_status st, const char *what)
{
    char reason[256] = "";
    int error = errno;

    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, reason);
    errno = error;
    clr_h5_note(file);
    if (file->error)
        return refused(file->path, name, file->descriptor < 0 ? what : "cannot be read", file->error);
    return clr_fail(st, "%s: %s%s%s%s%s", file->path, name ? name : "", name ? ": " : "", what, *reason ? ": " : "",
                    reason);
}

bool clr_h5_again(clr_status st, int *tries)
{
    static const double pause[] = {0.5, 1.5, 4}; /* seconds: a server that restarts, a table of files that empties */

    if (st != CLR_EIO || *tries >= (int)CLR_COUNT(pause) || last_error == ENOENT || last_error == ENOTDIR ||
        last_error == ELOOP || last_error == ENAMETOOLONG)
        return false;
    double seconds = pause[(*tries)++];
    clr_warn("%s; trying again in %g seconds", clr_message(), seconds);
    nanosleep(&(struct timespec){(time_t)seconds, (long)(fmod(seconds, 1) * 1e9)}, NULL);
    return true;
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
    if (file->descriptor >= 0)
        close(file->descriptor);
    clr_free(file->path);
    clr_free(file);
}

clr_status clr_h5_create(const char *path, clr_h5 **out)
{
    clr_output output;
    clr_status st = clr_output_begin(path, &output);

    clr_h5_quiet();
    *out = NULL;
    if (st != CLR_OK)
        return st;
    clr_h5 *file = CLR_NEW(clr_h5, 1);
    hid_t create = H5Pcreate(H5P_FILE_CREATE), access = access_list();
    *file = (clr_h5){.path = clr_copy_text(path), .output = output, .descriptor = -1};
    clr_h5_drive(access, -1, &file->error);
    H5Pset_obj_track_times(create, false);
    file->id = H5Fcreate(file->output.temporary, H5F_ACC_EXCL, create, access);
    H5Pclose(create);
    H5Pclose(access);
    if (file->id < 0) {
        st = clr_h5_fail(file, NULL, CLR_EIO, "cannot be created");
        clr_output_end(&file->output, false);
        release(file);
        return st;
    }
    *out = file;
    return CLR_OK;
}

clr_status clr_h5_commit(clr_h5 *file)
{
    clr_status st = CLR_OK, end;

    clr_h5_quiet();
    if (H5Fclose(file->id) < 0 || file->error)
        st = clr_h5_fail(file, NULL, CLR_EIO, "cannot be written");
    end = clr_output_end(&file->output, st == CLR_OK);
    H5Eclear2(H5E_DEFAULT);
    release(file);
    return st == CLR_OK ? end : st;
}

void clr_h5_discard(clr_h5 *file)
{
    if (!file)
        return;
    clr_h5_quiet();
    H5Fclose(file->id);
    H5Eclear2(H5E_DEFAULT);
    clr_output_end(&file->output, false);
    release(file);
}

/* One descriptor for everything that is read, so that all of it is of one file. A pipe would be waited for: it is
   opened without. */
static clr_status open_descriptor(const char *path, clr_h5 *file)
{
    struct stat attributes;

    file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->descriptor < 0 || fstat(file->descriptor, &attributes))
        return refused(path, NULL, "cannot be read", errno);
    if (!S_ISREG(attributes.st_mode))
        return clr_fail(CLR_EINPUT, "%s: is %s, not a file", path,
                        S_ISDIR(attributes.st_mode) ? "a folder" : "a pipe or a device");
    file->bytes = attributes.st_size;
    return CLR_OK;
}

clr_status clr_h5_open(const char *path, clr_h5 **out)
{
    *out = NULL;
    clr_h5 *file = CLR_NEW(clr_h5, 1);
    *file = (clr_h5){.id = -1, .path = clr_copy_text(path), .descriptor = -1};
    clr_status st = open_descriptor(path, file);
    if (st == CLR_OK)
        st = clr_h5_check_superblock(file);
    if (st == CLR_OK) {
        clr_h5_quiet();
        H5PLset_loading_state(0); /* no file makes us load code */
        hid_t list = access_list();
        clr_h5_drive(list, file->descriptor, &file->error);
        file->id = H5Fopen(path, H5F_ACC_RDONLY, list);
        if (file->id < 0)
            st = clr_h5_fail(file, NULL, CLR_EINPUT, "is not a whole HDF5 file");
        H5Pclose(list);
    }
    if (st == CLR_OK)
        *out = file;
    else
        release(file);
    return st;
}

void clr_h5_close(clr_h5 *file)
{
    if (!file)
        return;
    clr_h5_quiet();
    H5Fclose(file->id);
    H5Eclear2(H5E_DEFAULT);
    release(file);
}

clr_status clr_h5_finish(clr_h5 *file, clr_status st)
{
    if (file && file->error && st != CLR_EIO)
        st = refused(file->path, NULL, "cannot be read", file->error);
    clr_h5_close(file);
    return st;
}

clr_status clr_h5_descriptor(const clr_h5 *file, int *descriptor)
{
    *descriptor = fcntl(file->descriptor, F_DUPFD_CLOEXEC, 0);
    return *descriptor < 0 ? refused(file->path, NULL, "cannot be read", errno) : CLR_OK;
}

const char *clr_h5_path(const clr_h5 *file)
{
    return file->path;
}
