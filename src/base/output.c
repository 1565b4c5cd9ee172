/* SPDX-License-Identifier: BSD-3-Clause */
#include "clr/output.h"

#include "clr/mem.h"
#include "clr/plain.h"
#include "temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const clr_opt clr_force_option[] = {{"force", CLR_OPT_FLAG, 0, "no", NULL, 0, 0, NULL, 0, "replace an existing output"},
                                    {0}};

/* The path behind links, freed by clr_free; *bytes: the size of an existing file, or -1. plain: path must not be a
   link. */
static clr_status find(const char *path, bool plain, char **target, int64_t *bytes)
{
    size_t length = strlen(path);
    struct stat attributes;
    clr_status st = plain ? clr_plain_check(path) : CLR_OK;

    *bytes = -1;
    if (st != CLR_OK)
        return st;
    if (lstat(path, &attributes)) {
        if (errno != ENOENT)
            return clr_fail(CLR_EIO, "%s: cannot be written: %s", path, strerror(errno));
        if (!length || path[length - 1] == '/')
            return clr_fail(CLR_EIO, "'%s': is no name of a file", path);
        *target = clr_copy_text(path);
        return CLR_OK;
    }
    char *real = S_ISLNK(attributes.st_mode) ? realpath(path, NULL) : NULL;
    if (S_ISLNK(attributes.st_mode) && (!real || lstat(real, &attributes))) {
        int error = errno;
        free(real);
        return clr_fail(CLR_EIO, "%s: is a link that leads nowhere: %s; remove it", path, strerror(error));
    }
    *target = clr_copy_text(real ? real : path);
    free(real);
    if (S_ISREG(attributes.st_mode)) {
        *bytes = attributes.st_size;
        return CLR_OK;
    }
    clr_free(*target);
    return clr_fail(CLR_EIO, "%s: is %s, and only a regular file is replaced; give another name", path,
                    clr_plain_kind(attributes.st_mode));
}

clr_status clr_output_check(const char *path, bool replace)
{
    char *target;
    int64_t bytes;
    clr_status st = find(path, false, &target, &bytes);

    if (st != CLR_OK)
        return st;
    const char *name;
    char *folder = clr_temporary_folder(target, &name);
    if (bytes > 0 && !replace)
        st = clr_fail(CLR_EIO, "%s: is there already; --force replaces it", path);
    else if (access(folder, W_OK | X_OK))
        st = clr_fail(CLR_EIO, "%s: cannot be written: %s: %s", path, folder, strerror(errno));
    clr_free(folder);
    clr_free(target);
    return st;
}

clr_status clr_output_apart(const char *output, const char *input)
{
    struct stat a, b;

    if (stat(output, &a) || stat(input, &b) || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return CLR_OK;
    return clr_fail(CLR_EUSAGE, "%s: is what is read too; give another name for what is written", output);
}

static clr_status begin(const char *path, bool plain, clr_output *output)
{
    int64_t bytes;

    *output = (clr_output){.slot = -1};
    clr_status st = find(path, plain, &output->target, &bytes);
    if (st != CLR_OK)
        return st;
    char *stem = clr_temporary_stem(output->target);
    const char *name;
    char *folder = clr_temporary_folder(stem, &name);
    clr_temporary_reclaim(folder, name, false);
    output->temporary = clr_output_temporary(output->target);
    clr_free(folder);
    clr_free(stem);
    output->slot = clr_temporary_claim(output->temporary);
    clr_temporary_signals();
    return CLR_OK;
}

clr_status clr_output_begin(const char *path, clr_output *output)
{
    return begin(path, false, output);
}

static clr_status open_output(const char *path, bool plain, clr_output *output)
{
    clr_status st = begin(path, plain, output);

    if (st != CLR_OK)
        return st;
    int descriptor = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor >= 0 && (output->file = fdopen(descriptor, "w")))
        return CLR_OK;
    st = clr_fail(CLR_EIO, "%s: cannot be written: %s", path, strerror(errno));
    if (descriptor >= 0)
        close(descriptor);
    clr_output_end(output, false);
    return st;
}

clr_status clr_output_open(const char *path, clr_output *output)
{
    return open_output(path, false, output);
}

clr_status clr_output_open_plain(const char *path, clr_output *output)
{
    return open_output(path, true, output);
}

/* A folder that may be written but not read cannot be opened for fsync: that is no error. */
static int sync_path(const char *path, bool folder)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW * !folder | O_DIRECTORY * folder);

    if (descriptor < 0)
        return folder && (errno == EACCES || errno == EPERM || errno == ENOSYS) ? 0 : errno;
    int error = clr_plain_sync(descriptor, folder);
    close(descriptor);
    return error;
}

static clr_status failed(const clr_output *output, const char *what, int error)
{
    return clr_fail(CLR_EIO, "%s: %s: %s", output->target, what, strerror(error));
}

static clr_status close_stream(clr_output *output)
{
    bool bad = ferror(output->file);
    int error = fflush(output->file) ? errno : 0;

    if (fclose(output->file) && !error)
        error = errno;
    output->file = NULL;
    if (bad && !error)
        return clr_fail(CLR_EIO, "%s: cannot be written: an earlier write failed; is the disk full?", output->target);
    return error ? failed(output, "cannot be written", error) : CLR_OK;
}

static clr_status take_place(const clr_output *output)
{
    const char *name;
    char *folder = clr_temporary_folder(output->target, &name);
    clr_status st = CLR_OK;
    int error;

    if ((error = sync_path(output->temporary, false)))
        st = failed(output, "cannot be brought to the disk", error);
    else if (rename(output->temporary, output->target))
        st = failed(output, "cannot take its place", errno);
    else if ((error = sync_path(folder, true)))
        st = failed(output, "its folder cannot be brought to the disk", error);
    clr_free(folder);
    return st;
}

clr_status clr_output_end(clr_output *output, bool good)
{
    clr_status st = CLR_OK;

    if (output->file && good)
        st = close_stream(output);
    else if (output->file)
        fclose(output->file);
    if (good && st == CLR_OK)
        st = take_place(output);
    if (!good || st != CLR_OK)
        unlink(output->temporary);
    clr_temporary_disown(output->slot);
    clr_free(output->target);
    clr_free(output->temporary);
    *output = (clr_output){.slot = -1};
    return st;
}

void clr_output_cell(FILE *file, const char *text)
{
    for (; *text; text++)
        fputc(*text == '\t' || *text == '\n' || *text == '\r' ? ' ' : *text, file);
}

clr_status clr_output_put(const char *path, const char *bytes, size_t n)
{
    clr_output output;
    clr_status st = clr_output_open(path, &output);

    if (st != CLR_OK)
        return st;
    errno = 0;
    if (fwrite(bytes, 1, n, output.file) != n || fflush(output.file))
        st =
            clr_fail(CLR_EIO, "%s: cannot be written: %s", path, errno ? strerror(errno) : "the disk took only a part");
    clr_status end = clr_output_end(&output, st == CLR_OK);
    return st == CLR_OK ? end : st;
}
