/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtual file driver: one POSIX file, positioned reads and writes; errors are kept, and those of writing not
   returned. */
#include "driver.h"

#include "clr/err.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

enum { MOST = 1 << 30 }; /* bytes a system call takes with certainty */

typedef struct disk {
    H5FD_t head; /* HDF5's own, must come first */
    int descriptor, *error;
    bool lent;            /* the descriptor, for reading */
    haddr_t end, written; /* end of what is allocated, of what was written or is there to read */
} disk;

typedef struct settings {
    int descriptor, *error;
} settings;

static void note(disk *d, int error)
{
    if (!*d->error)
        *d->error = error;
}

static H5FD_t *new_disk(const settings *s, int descriptor, bool lent, haddr_t written)
{
    disk *d = CLR_NEW(disk, 1);

    d->descriptor = descriptor;
    d->error = s->error;
    d->lent = lent;
    d->written = written;
    return &d->head;
}

static H5FD_t *open_file(const char *name, unsigned flags, hid_t access, haddr_t most)
{
    const settings *s = H5Pget_driver_info(access);
    int mode = (flags & H5F_ACC_RDWR ? O_RDWR : O_RDONLY) | (flags & H5F_ACC_CREAT ? O_CREAT : 0) |
               (flags & H5F_ACC_TRUNC ? O_TRUNC : 0) | (flags & H5F_ACC_EXCL ? O_EXCL : 0);
    struct stat attributes;
    (void)most;

    if (s->descriptor >= 0 && !fstat(s->descriptor, &attributes))
        return new_disk(s, s->descriptor, true, (haddr_t)attributes.st_size);
    int descriptor = s->descriptor < 0 ? open(name, mode | O_CLOEXEC, 0666) : -1;
    *s->error = descriptor < 0 ? errno : 0; /* HDF5 tries twice, first without O_CREAT */
    return descriptor < 0 ? NULL : new_disk(s, descriptor, false, 0);
}

static herr_t close_file(H5FD_t *file)
{
    disk *d = (disk *)file;

    if (!d->lent && close(d->descriptor))
        note(d, errno);
    clr_free(d);
    return 0;
}

/* HDF5 1.10.8 copies from its metadata accumulator at addresses that wrap around. Files that are only read therefore
   go without one. */
static herr_t query(const H5FD_t *file, unsigned long *flags)
{
    const disk *d = (const disk *)file;

    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA;
    if (!d || !d->lent)
        *flags |= H5FD_FEAT_ACCUMULATE_METADATA;
#ifdef H5FD_FEAT_DEFAULT_VFD_COMPATIBLE
    *flags |= H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
#endif
    return 0;
}

static haddr_t get_end(const H5FD_t *file, H5FD_mem_t kind)
{
    (void)kind;
    return ((const disk *)file)->end;
}

static herr_t set_end(H5FD_t *file, H5FD_mem_t kind, haddr_t end)
{
    (void)kind;
    ((disk *)file)->end = end;
    return 0;
}

static haddr_t get_written(const H5FD_t *file, H5FD_mem_t kind)
{
    (void)kind;
    return ((const disk *)file)->written;
}

static herr_t read_bytes(H5FD_t *file, H5FD_mem_t kind, hid_t transfer, haddr_t at, size_t bytes, void *buffer)
{
    disk *d = (disk *)file;
    (void)kind, (void)transfer;

    if (d->lent &&
        (at > d->written || bytes > d->written - at)) /* the file claims this much; the system has refused nothing */
        return -1;
    while (bytes) {
        ssize_t n = pread(d->descriptor, buffer, (size_t)clr_min64((int64_t)bytes, MOST), (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            note(d, errno);
        if (!n && d->lent)
            note(d, ENODATA); /* it became shorter */
        if (n <= 0 && d->lent)
            return -1;
        if (n <= 0) {
            memset(buffer, 0, bytes); /* beyond the end, as HDF5 wants it */
            break;
        }
        buffer = (char *)buffer + n;
        at += (haddr_t)n;
        bytes -= (size_t)n;
    }
    return 0;
}

static herr_t write_bytes(H5FD_t *file, H5FD_mem_t kind, hid_t transfer, haddr_t at, size_t bytes, const void *buffer)
{
    disk *d = (disk *)file;
    (void)kind, (void)transfer;

    if (at + bytes > d->written)
        d->written = at + bytes;
    while (bytes && !*d->error) {
        ssize_t n = pwrite(d->descriptor, buffer, (size_t)clr_min64((int64_t)bytes, MOST), (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            note(d, n ? errno : ENOSPC);
            break;
        }
        buffer = (const char *)buffer + n;
        at += (haddr_t)n;
        bytes -= (size_t)n;
    }
    return 0;
}

static herr_t truncate_file(H5FD_t *file, hid_t transfer, hbool_t closing)
{
    disk *d = (disk *)file;
    (void)transfer, (void)closing;

    if (d->end != d->written && !*d->error && ftruncate(d->descriptor, (off_t)d->end))
        note(d, errno);
    d->written = d->end;
    return 0;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)700, /* from the range for drivers of one's own */
#endif
    .name = "simclr",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(settings),
    .open = open_file,
    .close = close_file,
    .query = query,
    .get_eoa = get_end,
    .set_eoa = set_end,
    .get_eof = get_written,
    .read = read_bytes,
    .write = write_bytes,
    .truncate = truncate_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

void clr_h5_drive(hid_t access, int descriptor, int *error)
{
    static hid_t id = -1;
    settings s = {descriptor, error};

    if (id < 0)
        id = H5FDregister(&driver);
    CLR_CHECK(id >= 0 && H5Pset_driver(access, id, &s) >= 0);
}
