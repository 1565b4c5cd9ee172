/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PLAIN_H
#define CLR_PLAIN_H
/* Files whose names are the program's own, such as those of a run directory, which others may be able to write to:
   nothing but a regular file is opened there. A link is not followed, a pipe or a device not waited for. Local. */
#include "clr/err.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* "a link", "a pipe", ... of a mode as lstat gives it. */
const char *clr_plain_kind(mode_t mode);

/* Before it is written: CLR_OK where path is a regular file or nothing at all, else CLR_EIO that says what it is and
   what to do. */
clr_status clr_plain_check(const char *path);

/* flags and the mode 0666 as open has them. *descriptor: the caller's to close; -1 and CLR_OK where nothing is there
   and flags lack O_CREAT. */
clr_status clr_plain_open(const char *path, int flags, int *descriptor);

/* *text: all of the file, freed by clr_free; NULL and CLR_OK where there is none. CLR_EINPUT where it is longer than
   most bytes. */
clr_status clr_plain_read(const char *path, size_t most, char **text);

/* *file: open for reading, the caller's to close; NULL and CLR_OK where there is none. */
clr_status clr_plain_stream(const char *path, FILE **file);

/* fsync. Returns 0, or errno's value; 0 too where the file system says that it cannot do such a thing. */
int clr_plain_sync(int descriptor, bool folder);

#endif
