/* SPDX-License-Identifier: BSD-3-Clause */
#include "file.h"

#include "clr/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int64_t largest = INT64_C(1) << 30;

bool clr_file_again(int error, int attempt)
{
    static const int certain[] = {ENOENT, ENOTDIR, EACCES, EPERM,  ELOOP, ENAMETOOLONG,
                                  EISDIR, EINVAL,  ENXIO,  ENODEV, EBADF};

    for (size_t i = 0; i < sizeof certain / sizeof *certain; i++)
        if (error == certain[i])
            return false;
    if (error == EINTR)
        return true;
    if (attempt >= 3)
        return false;
    nanosleep(&(struct timespec){0, 40000000L << 2 * attempt}, NULL); /* 0.04, 0.16, 0.64 s */
    return true;
}

clr_status clr_file_stat(const char *path, bool link, struct stat *attributes, bool *there)
{
    for (int attempt = 0;; attempt++) {
        int failed = link ? lstat(path, attributes) : stat(path, attributes), error = errno;
        *there = !failed;
        if (!failed || error == ENOENT || error == ENOTDIR)
            return CLR_OK;
        if (!clr_file_again(error, attempt))
            return clr_fail(CLR_EIO, "%s", strerror(error));
    }
}

/* One attempt; 0 or errno's value. */
static int open_once(const char *path, int *fd, struct stat *attributes)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not hold us up */
    if (*fd >= 0 && !fstat(*fd, attributes))
        return 0;
    int error = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return error;
}

/* Why a file cannot be opened: the file system's fault, but where something is there that is no file. */
static clr_status not_opened(int error)
{
    if (error == ENXIO || error == ENODEV)
        return clr_fail(CLR_EINPUT, "is not a file");
    return clr_fail(CLR_EIO, "cannot be opened: %s%s", strerror(error),
                    error == ENOENT ? " (it was there when its folder was listed)" : "");
}

clr_status clr_file_open(const char *path, clr_file *file)
{
    struct stat attributes;
    int error;

    *file = (clr_file){.path = clr_copy_text(path), .fd = -1};
    for (int attempt = 0; (error = open_once(path, &file->fd, &attributes)) && clr_file_again(error, attempt);)
        attempt++;
    if (error)
        return clr_fail_in(not_opened(error), "%s", path);
    if (!S_ISREG(attributes.st_mode))
        return clr_fail(CLR_EINPUT, "%s: is not a file", path);
    file->bytes = attributes.st_size;
    return CLR_OK;
}

void clr_file_close(clr_file *file)
{
    if (file->path && file->fd >= 0)
        close(file->fd);
    clr_free(file->path);
    *file = (clr_file){.fd = -1};
}

clr_status clr_file_at(clr_file *file, void *into, int64_t bytes, int64_t offset)
{
    struct stat attributes;
    int64_t have = 0;

    for (int attempt = 0; have < bytes;) {
        ssize_t n = pread(file->fd, (char *)into + have, (size_t)(bytes - have), (off_t)(offset + have));
        int error = errno, fresh;
        if (n > 0) {
            have += n;
            continue;
        }
        if (n == 0)
            return clr_fail(CLR_EIO, "%s: ends before byte %lld; it has become shorter", file->path,
                            (long long)(offset + bytes));
        if (!clr_file_again(error, attempt++))
            return clr_fail(CLR_EIO, "%s: cannot be read: %s", file->path, strerror(error));
        if (error != EINTR && !open_once(file->path, &fresh, &attributes)) { /* a stale handle stays stale */
            close(file->fd);
            file->fd = fresh;
            if (attributes.st_size != file->bytes)
                return clr_fail(CLR_EIO, "%s: has changed since it was opened", file->path);
        }
    }
    return CLR_OK;
}

/* One attempt of clr_file_read; *error is errno's value where another attempt may do better, else 0. */
static clr_status read_once(const char *path, uint8_t **bytes, int64_t *length, int *error)
{
    struct stat attributes, after;
    int fd;

    if ((*error = open_once(path, &fd, &attributes)))
        return not_opened(*error);
    if (!S_ISREG(attributes.st_mode) || attributes.st_size > largest) {
        close(fd);
        return clr_fail(CLR_EINPUT, S_ISREG(attributes.st_mode) ? "is larger than 1 GiB" : "is not a file");
    }
    *bytes = clr_alloc((size_t)attributes.st_size, 1);
    while (!*error && *length < attributes.st_size) {
        ssize_t n = read(fd, *bytes + *length, (size_t)(attributes.st_size - *length));
        if (n == 0)
            break;
        *error = n < 0 && errno != EINTR ? errno : 0;
        *length += n > 0 ? n : 0;
    }
    if (!*error && fstat(fd, &after))
        *error = errno;
    close(fd);
    if (*error)
        return clr_fail(CLR_EIO, "cannot be read: %s", strerror(*error));
    if (*length < attributes.st_size || after.st_size != attributes.st_size ||
        after.st_mtim.tv_sec != attributes.st_mtim.tv_sec || after.st_mtim.tv_nsec != attributes.st_mtim.tv_nsec)
        return clr_fail(CLR_EIO,
                        "has changed while it was read (%lld bytes read, %lld before, %lld after): something writes it",
                        (long long)*length, (long long)attributes.st_size, (long long)after.st_size);
    return CLR_OK;
}

clr_status clr_file_read(const char *path, uint8_t **bytes, int64_t *length)
{
    for (int attempt = 0;; attempt++) {
        int error = 0;
        *bytes = NULL;
        *length = 0;
        clr_status st = read_once(path, bytes, length, &error);
        if (st == CLR_OK)
            return st;
        clr_free(*bytes);
        *bytes = NULL;
        *length = 0;
        if (!error || !clr_file_again(error, attempt))
            return st;
    }
}

char *clr_file_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return !slash          ? clr_copy_text(".")
           : slash == path ? clr_copy_text("/")
                           : clr_text("%.*s", (int)(slash - path), path);
}

const char *clr_file_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}
