/* SPDX-License-Identifier: BSD-3-Clause */
/* zlib reads plain and .gz files alike. */
#include "gz.h"

#include "clr/mem.h"
#include "file.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

static clr_status open_at(clr_gz *gz, int64_t at)
{
    clr_file file;
    clr_status st = clr_file_open(gz->path, &file);

    if (st == CLR_OK && !(gz->file = gzdopen(file.fd, "rb")))
        st = clr_fail(CLR_EMEMORY, "%s: there is no memory to decompress it", gz->path);
    if (gz->file)
        file.fd = -1; /* zlib closes it */
    clr_file_close(&file);
    if (gz->file) {
        gzbuffer(gz->file, 1 << 18);
        gzseek(gz->file, (z_off_t)at, SEEK_SET); /* what goes wrong shows when it is read */
    }
    return st;
}

clr_status clr_gz_open(const char *path, clr_gz *gz)
{
    *gz = (clr_gz){.path = clr_copy_text(path)};
    return open_at(gz, 0);
}

void clr_gz_close(clr_gz *gz)
{
    if (gz->file)
        gzclose(gz->file);
    clr_free(gz->path);
    *gz = (clr_gz){0};
}

/* What gzread has left: CLR_OK where there was no error; error is errno's value. */
static clr_status state(const clr_gz *gz, int error)
{
    int code;
    const char *why = gzerror(gz->file, &code), *reason = strstr(why, ": "); /* after zlib's name of the file */

    if (code == Z_OK || code == Z_STREAM_END)
        return CLR_OK;
    if (code == Z_ERRNO)
        return clr_fail(CLR_EIO, "%s: cannot be read: %s", gz->path, strerror(error));
    if (code == Z_MEM_ERROR)
        return clr_fail(CLR_EMEMORY, "%s: there is no memory to decompress it", gz->path);
    if (code == Z_BUF_ERROR)
        return clr_fail(CLR_EINPUT, "%s: is cut short", gz->path);
    return clr_fail(CLR_EINPUT, "%s: is damaged: %s", gz->path, reason ? reason + 2 : why);
}

clr_status clr_gz_read(clr_gz *gz, void *into, int64_t bytes, int64_t *have)
{
    enum { MOST = 1 << 30 };
    clr_status st = CLR_OK;

    *have = 0;
    for (int attempt = 0; *have < bytes;) {
        int64_t left = bytes - *have;
        if (!gz->file && (st = open_at(gz, gz->at)) != CLR_OK)
            return st;
        errno = 0;
        int n = gzread(gz->file, (char *)into + *have, (unsigned)(left < MOST ? left : MOST)), error = errno;
        *have += n > 0 ? n : 0;
        gz->at += n > 0 ? n : 0;
        if ((st = state(gz, error)) == CLR_EIO) {
            gzclose(gz->file); /* a stale handle stays stale, and zlib has lost its place: opened again when more is
                                  wanted */
            gz->file = NULL;
            if (*have < bytes && !clr_file_again(error, attempt++))
                return st;
        } else if (n <= 0) {
            return st;
        }
    }
    return CLR_OK;
}

clr_status clr_gz_at(clr_gz *gz, void *into, int64_t bytes, int64_t at)
{
    int64_t have;

    if (gz->at != at && gz->file)
        gzseek(gz->file, (z_off_t)at, SEEK_SET);
    gz->at = at;
    clr_status st = clr_gz_read(gz, into, bytes, &have);
    if (st == CLR_OK && have < bytes)
        return clr_fail(CLR_EIO, "%s: ends before byte %lld; it has become shorter", gz->path, (long long)(at + bytes));
    return st;
}
