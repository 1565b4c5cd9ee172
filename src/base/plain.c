/* SPDX-License-Identifier: BSD-3-Clause */
#include "clr/plain.h"

#include "clr/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *clr_plain_kind(mode_t mode)
{
    return S_ISLNK(mode)                    ? "a link"
           : S_ISDIR(mode)                  ? "a folder"
           : S_ISFIFO(mode)                 ? "a pipe"
           : S_ISSOCK(mode)                 ? "a socket"
           : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                            : "no regular file";
}

static clr_status refuse(const char *path, const char *what, mode_t mode)
{
    return clr_fail(CLR_EIO, "%s: cannot be %s: it is %s, and only a regular file may have this name; move it away",
                    path, what, clr_plain_kind(mode));
}

static clr_status check(const char *path, const char *what)
{
    struct stat attributes;

    if (lstat(path, &attributes))
        return errno == ENOENT ? CLR_OK : clr_fail(CLR_EIO, "%s: cannot be %s: %s", path, what, strerror(errno));
    return S_ISREG(attributes.st_mode) ? CLR_OK : refuse(path, what, attributes.st_mode);
}

clr_status clr_plain_check(const char *path)
{
    return check(path, "written");
}

/* The check before keeps devices and links from being opened at all. The check after decides, because the file may
   have been replaced in between. */
clr_status clr_plain_open(const char *path, int flags, int *descriptor)
{
    const char *what = flags & (O_WRONLY | O_RDWR) ? "written" : "read";
    struct stat attributes;
    clr_status st = check(path, what);

    *descriptor = -1;
    if (st != CLR_OK)
        return st;
    int file = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    if (file < 0 && errno == ENOENT && !(flags & O_CREAT))
        return CLR_OK;
    if (file < 0 || fstat(file, &attributes))
        st = clr_fail(CLR_EIO, "%s: cannot be %s: %s", path, what, strerror(errno));
    else if (!S_ISREG(attributes.st_mode))
        st = refuse(path, what, attributes.st_mode);
    if (st == CLR_OK)
        *descriptor = file;
    else if (file >= 0)
        close(file);
    return st;
}

clr_status clr_plain_read(const char *path, size_t most, char **text)
{
    struct stat attributes;
    size_t used = 0;
    int file;
    clr_status st = clr_plain_open(path, O_RDONLY, &file);

    *text = NULL;
    if (st != CLR_OK || file < 0)
        return st;
    if (fstat(file, &attributes))
        st = clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
    else if (attributes.st_size > (off_t)most)
        st = clr_fail(CLR_EINPUT, "%s: has %lld bytes, and such a file has %zu at most", path,
                      (long long)attributes.st_size, most);
    char *read_text = CLR_NEW(char, most + 1);
    while (st == CLR_OK && used < most) {
        ssize_t n = read(file, read_text + used, most - used);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            st = clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
        used += n > 0 ? (size_t)n : 0;
    }
    close(file);
    if (st == CLR_OK)
        *text = read_text;
    else
        clr_free(read_text);
    return st;
}

clr_status clr_plain_stream(const char *path, FILE **file)
{
    int descriptor;
    clr_status st = clr_plain_open(path, O_RDONLY, &descriptor);

    *file = descriptor >= 0 ? fdopen(descriptor, "r") : NULL;
    if (descriptor >= 0 && !*file) {
        st = clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
        close(descriptor);
    }
    return st;
}

/* EBADF: folders of some network and user-space file systems. */
int clr_plain_sync(int descriptor, bool folder)
{
    int error = 0;

    while (fsync(descriptor) && (error = errno) == EINTR)
        error = 0;
    bool unable =
        error == EINVAL || error == ENOSYS || error == ENOTSUP || error == EOPNOTSUPP || (folder && error == EBADF);
    return unable ? 0 : error;
}
