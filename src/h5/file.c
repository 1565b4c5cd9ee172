/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening and closing HDF5 files. What is written has a temporary name until it is whole, and is then renamed. Object
   times are not stored, so that equal contents are equal bytes. */
#include "driver.h"
#include "file.h"

#include "clr/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static hid_t access_list(void)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);

    H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
    /* The file format that HDF5 since 1.8 reads; the one before has no checksums over its own structures. */
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

clr_status clr_h5_end(clr_h5 *file, clr_status st)
{
    if (st == CLR_OK && file)
        return clr_h5_commit(file);
    clr_h5_discard(file);
    return st;
}

/* One descriptor serves all reads, so that all data come from one file. O_NONBLOCK keeps open from waiting where
   path is a pipe. */
static clr_status open_descriptor(const char *path, clr_h5 *file)
{
    struct stat attributes;

    file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->descriptor < 0 || fstat(file->descriptor, &attributes))
        return clr_h5_refused(path, NULL, "cannot be read", errno);
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
        st = clr_h5_refused(file->path, NULL, "cannot be read", file->error);
    clr_h5_close(file);
    return st;
}

clr_status clr_h5_descriptor(const clr_h5 *file, int *descriptor)
{
    *descriptor = fcntl(file->descriptor, F_DUPFD_CLOEXEC, 0);
    return *descriptor < 0 ? clr_h5_refused(file->path, NULL, "cannot be read", errno) : CLR_OK;
}

const char *clr_h5_path(const clr_h5 *file)
{
    return file->path;
}
