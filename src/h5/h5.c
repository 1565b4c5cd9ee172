/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock, the types and the errors of HDF5. HDF5's own error stack is silenced; its innermost entry becomes part
   of our message. What the system refuses is file->error, see driver.h. */
#include "driver.h"
#include "file.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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
    /* Every file is closed by us. HDF5 must do nothing at exit: after an allocation failed, that crashes or never
       ends. */
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    errno = 0;
}

void clr_h5_note(clr_h5 *file)
{
    if (!file->error && errno == ENOMEM) /* HDF5's own allocations; the driver notes failed reads and writes itself */
        file->error = ENOMEM;
    H5Eclear2(H5E_DEFAULT);
}

static _Thread_local int last_error; /* of the last refusal told */

clr_status clr_h5_refused(const char *path, const char *name, const char *what, int error)
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
        return clr_h5_refused(file->path, name, file->descriptor < 0 ? what : "cannot be read", file->error);
    return clr_fail(st, "%s: %s%s%s%s%s", file->path, name ? name : "", name ? ": " : "", what, *reason ? ": " : "",
                    reason);
}

bool clr_h5_again(clr_status st, int *tries)
{
    static const double pause[] = {0.5, 1.5,
                                   4}; /* seconds: enough for a file server that restarts or a full file table */

    if (st != CLR_EIO || *tries >= (int)CLR_COUNT(pause) || last_error == ENOENT || last_error == ENOTDIR ||
        last_error == ELOOP || last_error == ENAMETOOLONG)
        return false;
    double seconds = pause[(*tries)++];
    clr_warn("%s; trying again in %g seconds", clr_message(), seconds);
    nanosleep(&(struct timespec){(time_t)seconds, (long)(fmod(seconds, 1) * 1e9)}, NULL);
    return true;
}
