/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_FILE_H
#define CLR_READ_FILE_H
/* Files and folders as the readers see them. What the file system refuses (errno) is CLR_EIO and never taken for a
   property of the data: CLR_EINPUT is only what stands there. Errors that may pass (a file server that restarts, too
   many open files) are tried again for a second before they are believed. Messages do not name the path unless said.
   Local. */

#include "clr/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Whether a call that failed with this error is worth another attempt, the number of those made being attempt + 1;
   pauses where it is. */
bool clr_file_again(int error, int attempt);

/* What path leads to; *there is false where nothing is there (or a link leads nowhere), which is no error. link: of the
   link itself. */
clr_status clr_file_stat(const char *path, bool link, struct stat *attributes, bool *there);

/* A regular file, open for reading. fd is -1 while it is closed. */
typedef struct clr_file {
    char *path; /* owned */
    int fd;
    int64_t bytes; /* when it was opened */
} clr_file;

/* Opens a regular file; CLR_EINPUT where something else is there. Messages name the path, here and in clr_file_at. */
clr_status clr_file_open(const char *path, clr_file *file);
void clr_file_close(clr_file *file); /* accepts a zeroed one */

/* Exactly bytes at offset. A file that ends before them has become shorter: CLR_EIO. */
clr_status clr_file_at(clr_file *file, void *into, int64_t bytes, int64_t offset);

/* A whole regular file of at most 1 GiB; *bytes is freed by clr_free. Its size and time must be the same before and
   after. */
clr_status clr_file_read(const char *path, uint8_t **bytes, int64_t *length);

/* A list of texts in one block. name is there after clr_names_sort, in the order of compare (as qsort has it; NULL: by
   bytes). */
typedef struct clr_names {
    char *text; /* one after another, each with its final 0 */
    size_t used, capacity;
    char **name;
    int64_t count;
} clr_names;

/* Copies text behind the others, into their order, and frees all of it; the last accepts a zeroed list. */
void clr_names_add(clr_names *names, const char *text);
void clr_names_sort(clr_names *names, int (*compare)(const void *, const void *));
void clr_names_free(clr_names *names);

/* The names in a folder without "." and "..", sorted by bytes, into an empty list. */
clr_status clr_file_names(const char *folder, clr_names *names);

/* A block of room bytes that begins with the bytes used of old, which is freed. */
void *clr_file_grow(void *old, size_t used, size_t capacity);

/* The n classes of a source: numbers from first on, or, where names is not NULL and such a file is in folder, its
   lines. */
struct clr_source;
clr_status clr_file_classes(const char *folder, const char *names, int first, int n, struct clr_source *source);

/* The folder that path lies in, and its name there. folder_of is freed by clr_free. */
char *clr_file_folder_of(const char *path);
const char *clr_file_name_of(const char *path);

#endif
